"Installed as `qualiteacher.data_samples`; without this file an editable install does not find the photographs."
