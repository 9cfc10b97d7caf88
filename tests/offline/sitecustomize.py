"Put this folder on PYTHONPATH and Python has no network: whatever then works, works offline."
import socket

_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo
_here = ('127.', '::1', 'localhost')

def _local(host): return not host or str(host).startswith(_here)

def connect(self, address):
    "Unix sockets and this machine only (kernels and process groups need those)"
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _local(address[0]):
        raise OSError(f'the tests run without network; something tried to reach {address[0]}')
    return _connect(self, address)

def getaddrinfo(host, *args, **kwargs):
    host_ = host.decode() if isinstance(host, bytes) else host
    if not (_local(host_) or host_ in (socket.gethostname(), '0.0.0.0', '::')):
        raise socket.gaierror(f'the tests run without network; something looked up {host_}')
    return _getaddrinfo(host, *args, **kwargs)

socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
