"""idmapped.py SOURCE TARGET FROM:TO:COUNT: attach at TARGET a copy of the mount at SOURCE in which ids are mapped.

FROM are ids of the file system, TO those that the mount at TARGET shows. Source: mount_setattr(2), user_namespaces(7).
"""
import ctypes
import os
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH = 1, 4
MOUNT_ATTR_IDMAP = 0x100000


class MountAttr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ('set', 'clear', 'propagation', 'userns')]


def call(what, number, *words):
    result = libc.syscall(number, *words)
    if result < 0:
        raise SystemExit(f'{what}: {os.strerror(ctypes.get_errno())}')
    return result


source, target, ranges = sys.argv[1:]
first, shown, count = ranges.split(':')
holder = subprocess.Popen(['unshare', '--user', 'sh', '-c', 'echo; cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
holder.stdout.readline()
for kind in 'gid_map', 'uid_map':
    with open(f'/proc/{holder.pid}/{kind}', 'w') as file:
        file.write(f'{first} {shown} {count}')
attr = MountAttr(MOUNT_ATTR_IDMAP, 0, 0, os.open(f'/proc/{holder.pid}/ns/user', os.O_RDONLY))
tree = call('open_tree', OPEN_TREE, AT_FDCWD, source.encode(), OPEN_TREE_CLONE)
call('mount_setattr', MOUNT_SETATTR, tree, b'', AT_EMPTY_PATH, ctypes.byref(attr), ctypes.sizeof(attr))
call('move_mount', MOVE_MOUNT, tree, b'', AT_FDCWD, target.encode(), MOVE_MOUNT_F_EMPTY_PATH)
holder.stdin.close()
holder.wait()
