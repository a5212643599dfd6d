"""Installs the seccomp filter of a file in itself, then makes the calls that stand in argv, and prints what each gave.

usage: under-filter.py FILTER ABI:NUMBER:ARGUMENT,... ...      ABI: 64 (syscall), x32 (the same with its bit), 32 (int 0x80)
output: a line each, ABI:NUMBER:... = errno name, or "ok"
"""
import ctypes
import errno
import mmap
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
X32_BIT = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

# int 0x80 with the numbers in edi, esi: mov eax,edi; push rbx; mov ebx,esi; int 0x80; pop rbx; ret
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex('89f8' '53' '89f3' 'cd80' '5b' 'c3'))
int80 = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_uint)(ctypes.addressof(ctypes.c_char.from_buffer(page)))

program = open(sys.argv[1], 'rb').read()
held = ctypes.create_string_buffer(program, len(program))
sock_fprog = struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(held))
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, sock_fprog, 0, 0) == 0, errno.errorcode[ctypes.get_errno()]

for word in sys.argv[2:]:
    abi, number, rest = word.split(':')
    arguments = [int(each, 0) for each in rest.split(',') if each]
    if abi == '32':
        result = int80(int(number), (arguments + [0])[0])
        failed = -result if -4096 < result < 0 else 0
    else:
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(int(number) | (X32_BIT if abi == 'x32' else 0)), *map(ctypes.c_ulong, arguments))
        failed = ctypes.get_errno() if result == -1 else 0
    print(word, '=', errno.errorcode[failed] if failed else 'ok', flush=True)
