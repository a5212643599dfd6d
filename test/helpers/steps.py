"""
Step server: performs file-system calls for a test and says what came of each. It judges nothing.

One request per line on stdin, one answer per line on stdout, both JSON. A request is one of
  {"run": [step...], "cwd": dir}     -> {"results": [result...]}
  {"build": [[dir, entries]...]}     -> {}
  {"snapshot": dir}                  -> {"entries": {relative path: entry}}
  {"names": dir}                     -> {"names": [relative path...]}   raw listing of a branch
  {"explore": dir}                   -> {"errors": [[path, errno]...], "seen": n}   look at everything, go on after errors
  {"digest": dir, "key": k}          -> {}                              remember what lies there
  {"compare": dir, "key": k}         -> {"changes": [text...]}          what differs from what was remembered
A step is [operation, argument...]; a result is {"v": value} or {"e": "ENOENT"} or {"x": "a python error"}.
File names and contents are latin1 strings: one char is one byte. 64-bit numbers are strings.
"""
import ctypes
import errno
import fcntl
import hashlib
import json
import locale
import mmap
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
import traceback

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
libc.renameat2.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
libc.linkat.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
libc.opendir.restype = ctypes.c_void_p
libc.opendir.argtypes = [ctypes.c_char_p]
libc.readdir.restype = ctypes.c_void_p
for name in ('readdir', 'telldir', 'rewinddir', 'closedir', 'dirfd'):
    getattr(libc, name).argtypes = [ctypes.c_void_p]
libc.telldir.restype = ctypes.c_long
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
AT_FDCWD = -100
FLAGS = {'NOREPLACE': 1, 'EXCHANGE': 2, 'WHITEOUT': 4}
FALLOC = {'KEEP_SIZE': 1, 'PUNCH_HOLE': 2, 'COLLAPSE': 8, 'ZERO': 16, 'INSERT': 32, 'UNSHARE': 64}
TYPES = {stat.S_IFREG: 'file', stat.S_IFDIR: 'dir', stat.S_IFLNK: 'symlink', stat.S_IFIFO: 'fifo',
         stat.S_IFSOCK: 'socket', stat.S_IFCHR: 'char', stat.S_IFBLK: 'block'}
# Numbers 0 in a row are those of whoever performs it: root's as root, one's own as an ordinary user.
ME = (os.geteuid(), os.getegid())
DTYPES = {8: 'file', 4: 'dir', 10: 'symlink', 1: 'fifo', 12: 'socket', 2: 'char', 6: 'block', 0: 'unknown'}


class State:
    """What lives between the steps of one run: open files, maps, directories, sockets, by name."""

    def __init__(self):
        self.fds = {}
        self.maps = {}
        self.dirs = {}
        self.socks = {}
        self.cookies = {}

    def clear(self):
        for m in self.maps.values():
            m.close()
        for d in self.dirs.values():
            libc.closedir(d)
        for s in self.socks.values():
            s.close()
        for fd in self.fds.values():
            try:
                os.close(fd)
            except OSError:
                pass
        self.__init__()


S = State()


def b(text):
    return text.encode('latin1')


def t(data):
    return data.decode('latin1')


def check(rc):
    if rc < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return rc


def swap(number, me):
    """Between a row's numbers and the system's: 0 and one's own change places."""
    return me if number == 0 else 0 if number == me else number


def bits(text, prefix, table=None):
    value = 0
    for word in text.split('|'):
        if word:
            value |= table[word] if table else getattr(os, prefix + word)
    return value


def fields(st):
    return {'type': TYPES[stat.S_IFMT(st.st_mode)], 'mode': stat.S_IMODE(st.st_mode), 'uid': swap(st.st_uid, ME[0]),
            'gid': swap(st.st_gid, ME[1]),
            'size': st.st_size, 'nlink': st.st_nlink, 'ino': str(st.st_ino), 'dev': str(st.st_dev), 'blocks': st.st_blocks,
            'rdev': '%d:%d' % (os.major(st.st_rdev), os.minor(st.st_rdev)),
            'atime': str(st.st_atime_ns), 'mtime': str(st.st_mtime_ns), 'ctime': str(st.st_ctime_ns)}


def put(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def write_file(path, text, flags, mode=0o666):
    fd = os.open(b(path), flags | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    try:
        put(fd, b(text))
    finally:
        os.close(fd)


def read_all(fd):
    parts = []
    while True:
        part = os.read(fd, 1 << 20)
        if not part:
            return b''.join(parts)
        parts.append(part)


def read_file(path):
    fd = os.open(b(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return read_all(fd)
    finally:
        os.close(fd)


def device(kind):
    """'fifo' | 'socket' | 'char:1:3' | 'block:7:0' -> (S_IFMT bits, rdev)"""
    word, *numbers = kind.split(':')
    fmt = {'fifo': stat.S_IFIFO, 'socket': stat.S_IFSOCK, 'char': stat.S_IFCHR, 'block': stat.S_IFBLK, 'file': stat.S_IFREG}[word]
    return fmt, os.makedev(int(numbers[0]), int(numbers[1])) if numbers else 0


def op_write(path, text): write_file(path, text, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
def op_create(path, mode=0o666): os.close(os.open(b(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
def op_append(path, text): write_file(path, text, os.O_WRONLY | os.O_APPEND)
def op_rewrite(path, text): write_file(path, text, os.O_WRONLY)
def op_read(path): return t(read_file(path))
def op_sha(path): return hashlib.sha1(read_file(path)).hexdigest()


def op_pwrite(path, off, text):
    fd = os.open(b(path), os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.pwrite(fd, b(text), off)
    finally:
        os.close(fd)


def op_fill(path, size, char):
    """Make a file of `size` bytes, all `char`."""
    fd = os.open(b(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        block = b(char) * (1 << 20)
        while size > 0:
            size -= os.write(fd, block[:min(size, len(block))])
    finally:
        os.close(fd)


def op_rename(a, c): os.rename(b(a), b(c))
def op_rename2(a, c, flags): check(libc.renameat2(AT_FDCWD, b(a), AT_FDCWD, b(c), bits(flags, '', FLAGS)))
def op_link(a, c): os.link(b(a), b(c), follow_symlinks=False)
def op_symlink(target, path): os.symlink(b(target), b(path))
def op_readlink(path): return t(os.readlink(b(path)))
def op_mkdir(path, mode=0o777): os.mkdir(b(path), mode)
def op_rmdir(path): os.rmdir(b(path))
def op_unlink(path): os.unlink(b(path))
def op_chmod(path, mode): os.chmod(b(path), mode)
def op_chown(path, uid, gid): os.chown(b(path), swap(uid, ME[0]), swap(gid, ME[1]), follow_symlinks=False)
def op_truncate(path, size): os.truncate(b(path), size)
def op_getxattr(path, key): return t(os.getxattr(b(path), b(key), follow_symlinks=False))
def op_listxattr(path): return sorted(os.listxattr(b(path), follow_symlinks=False))
def op_removexattr(path, key): os.removexattr(b(path), b(key), follow_symlinks=False)
def op_umask(mask): os.umask(mask)
def op_chdir(path): os.chdir(b(path))
def op_access(path, mode): check(0 if os.access(b(path), bits(mode, ''), effective_ids=True) else fail(errno.EACCES))
def op_sync(): os.sync()


def fail(code):
    ctypes.set_errno(code)
    return -1


def op_mknod(path, kind, mode=0o666):
    fmt, rdev = device(kind)
    os.mknod(b(path), fmt | mode, rdev)


def op_utimes(path, atime, mtime): os.utime(b(path), (atime, mtime), follow_symlinks=False)


def op_setxattr(path, key, value, flags=0):
    """value: text, or {"hex": ...}, or {"size": n}"""
    os.setxattr(b(path), b(key), xattr_bytes(value), flags, follow_symlinks=False)


def xattr_bytes(value):
    if isinstance(value, str):
        return b(value)
    if 'hex' in value:
        return bytes.fromhex(value['hex'])
    return b'v' * value['size']


def op_stat(path): return fields(os.lstat(b(path)))
def op_fstat(fd): return fields(os.fstat(S.fds[fd]))


def op_statfs(path):
    v = os.statvfs(b(path))
    return {'namemax': v.f_namemax, 'bsize': v.f_bsize, 'blocks': v.f_blocks, 'bfree': v.f_bfree, 'files': v.f_files}


def op_readdir(path):
    """Sorted names; each entry's d_ino and d_type must be those of lstat."""
    out = []
    with os.scandir(b(path)) as it:
        for e in it:
            st = os.lstat(os.path.join(b(path), e.name))
            if e.inode() != st.st_ino:
                raise ValueError('d_ino %d of %r but st_ino %d' % (e.inode(), e.name, st.st_ino))
            if (e.is_dir(follow_symlinks=False), e.is_symlink()) != (stat.S_ISDIR(st.st_mode), stat.S_ISLNK(st.st_mode)):
                raise ValueError('d_type of %r' % e.name)
            out.append(t(e.name))
    return sorted(out)


def keep(name, fd):
    """Give an open file a name; what had it is closed."""
    old = S.fds.get(name)
    S.fds[name] = fd
    if old is not None:
        os.close(old)


def op_open(fd, path, flags, mode=0o666): keep(fd, os.open(b(path), bits(flags, 'O_') | os.O_CLOEXEC, mode))
def op_reopen(new, fd, flags): keep(new, os.open('/proc/self/fd/%d' % S.fds[fd], bits(flags, 'O_') | os.O_CLOEXEC))
def op_close(fd): os.close(S.fds.pop(fd))
def op_fread(fd, off, size): return t(os.pread(S.fds[fd], size, off))
def op_next(fd, size): return t(os.read(S.fds[fd], size))
def op_fwrite(fd, text): put(S.fds[fd], b(text))
def op_fpwrite(fd, off, text): os.pwrite(S.fds[fd], b(text), off)
def op_fchmod(fd, mode): os.fchmod(S.fds[fd], mode)
def op_fchown(fd, uid, gid): os.fchown(S.fds[fd], swap(uid, ME[0]), swap(gid, ME[1]))
def op_futimes(fd, atime, mtime): os.utime(S.fds[fd], (atime, mtime))
def op_fsetxattr(fd, key, value): os.setxattr(S.fds[fd], b(key), xattr_bytes(value))
def op_fgetxattr(fd, key): return t(os.getxattr(S.fds[fd], b(key)))
def op_ftruncate(fd, size): os.ftruncate(S.fds[fd], size)
def op_fsync(fd): os.fsync(S.fds[fd])
def op_fdatasync(fd): os.fdatasync(S.fds[fd])
def op_syncfs(fd): check(libc.syncfs(S.fds[fd]))
def op_fallocate(fd, mode, off, size): check(libc.fallocate(S.fds[fd], bits(mode, '', FALLOC), off, size))
def op_seek(fd, off, whence): return os.lseek(S.fds[fd], off, getattr(os, 'SEEK_' + whence))
def op_flistdir(fd): return sorted(os.listdir(S.fds[fd]))
def op_openat(new, fd, path, flags): keep(new, os.open(b(path), bits(flags, 'O_') | os.O_CLOEXEC, 0o666, dir_fd=S.fds[fd]))
def op_linkfd(fd, path): check(libc.linkat(AT_FDCWD, b'/proc/self/fd/%d' % S.fds[fd], AT_FDCWD, b(path), 0x400))


def op_copyrange(fin, fout, size, offin, offout):
    return os.copy_file_range(S.fds[fin], S.fds[fout], size, offin, offout)


def op_sendfile(fout, fin, size): return os.sendfile(S.fds[fout], S.fds[fin], 0, size)


def op_flock(fd, how):
    fcntl.flock(S.fds[fd], bits(how, '', {'SH': fcntl.LOCK_SH, 'EX': fcntl.LOCK_EX, 'UN': fcntl.LOCK_UN, 'NB': fcntl.LOCK_NB}))


def op_setlk(fd, how, off, size):
    """fcntl(F_SETLK): READ, WRITE or UNLCK."""
    kind = {'READ': fcntl.F_RDLCK, 'WRITE': fcntl.F_WRLCK, 'UNLCK': fcntl.F_UNLCK}[how]
    fcntl.fcntl(S.fds[fd], fcntl.F_SETLK, struct.pack('hhqqi', kind, 0, off, size, 0))


def op_getflags(path):
    fd = os.open(b(path), os.O_RDONLY | os.O_NONBLOCK)
    try:
        buf = bytearray(8)
        fcntl.ioctl(fd, 0x80086601, buf)
        return struct.unpack('i', buf[:4])[0]
    finally:
        os.close(fd)


def op_setflags(path, flags):
    """Set these flags beside those the file has (ext4 would rather not have its extents taken away)."""
    flags |= op_getflags(path)
    fd = os.open(b(path), os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(fd, 0x40086602, bytearray(struct.pack('q', flags)))
    finally:
        os.close(fd)


def op_mmap(name, path, size, how, rw):
    """how: shared | private; rw: r | rw"""
    fd = os.open(b(path), os.O_RDWR if rw == 'rw' and how == 'shared' else os.O_RDONLY)
    try:
        prot = mmap.PROT_READ | (mmap.PROT_WRITE if rw == 'rw' else 0)
        S.maps[name] = mmap.mmap(fd, size, mmap.MAP_SHARED if how == 'shared' else mmap.MAP_PRIVATE, prot)
    finally:
        os.close(fd)


def op_mread(name, off, size): return t(S.maps[name][off:off + size])


def op_mwrite(name, off, text):
    S.maps[name][off:off + len(text)] = b(text)


def op_msync(name): S.maps[name].flush()
def op_munmap(name): S.maps.pop(name).close()


def op_dwrite(path, off, size, char):
    """Write with O_DIRECT from an aligned buffer."""
    fd = os.open(b(path), os.O_WRONLY | os.O_CREAT | os.O_DIRECT, 0o666)
    buf = mmap.mmap(-1, size)
    try:
        buf[:] = b(char) * size
        return os.pwritev(fd, [buf], off)
    finally:
        buf.close()
        os.close(fd)


def op_dread(path, off, size):
    fd = os.open(b(path), os.O_RDONLY | os.O_DIRECT)
    buf = mmap.mmap(-1, size)
    try:
        n = os.preadv(fd, [buf], off)
        return t(buf[:n])
    finally:
        buf.close()
        os.close(fd)


class Dirent(ctypes.Structure):
    _fields_ = [('ino', ctypes.c_uint64), ('off', ctypes.c_int64), ('reclen', ctypes.c_uint16), ('type', ctypes.c_uint8),
                ('name', ctypes.c_char * 256)]


def op_opendir(name, path):
    d = libc.opendir(b(path))
    if not d:
        check(-1)
    S.dirs[name] = d


def next_entry(name):
    ctypes.set_errno(0)
    p = libc.readdir(S.dirs[name])
    if p:
        return t(ctypes.cast(p, ctypes.POINTER(Dirent)).contents.name)
    if ctypes.get_errno():
        check(-1)
    return None


def op_dirnext(name, count):
    """The next `count` names, `.` and `..` included, in the order they come; fewer at the end."""
    out = []
    while len(out) < count:
        n = next_entry(name)
        if n is None:
            break
        out.append(n)
    return out


def op_dirrest(name):
    """All names to the end, sorted, without `.` and `..`."""
    return sorted(n for n in op_dirnext(name, 1 << 30) if n not in ('.', '..'))


def op_telldir(name, cookie): S.cookies[cookie] = libc.telldir(S.dirs[name])
def op_seekdir(name, cookie): libc.seekdir(S.dirs[name], S.cookies[cookie])
def op_rewinddir(name): libc.rewinddir(S.dirs[name])


def op_closedir(name): check(libc.closedir(S.dirs.pop(name)))


def op_dircookies(path):
    """Read a directory, seek back to the place before each entry, and see the same entry there. Answers how many failed."""
    op_opendir('#', path)
    seen = []
    try:
        while True:
            pos = libc.telldir(S.dirs['#'])
            n = next_entry('#')
            if n is None:
                break
            seen.append((pos, n))
        wrong = 0
        for pos, n in reversed(seen):
            libc.seekdir(S.dirs['#'], pos)
            wrong += next_entry('#') != n
        return wrong
    finally:
        op_closedir('#')


def op_rmwhilelisting(path):
    """Unlink every entry as readdir(3) returns it, then rmdir; answers how many were removed."""
    op_opendir('#', path)
    count = 0
    try:
        while True:
            n = next_entry('#')
            if n is None:
                break
            if n not in ('.', '..'):
                os.unlink(os.path.join(b(path), b(n)))
                count += 1
    finally:
        op_closedir('#')
    os.rmdir(b(path))
    return count


def op_listen(name, path):
    s = S.socks[name] = socket.socket(socket.AF_UNIX)
    s.bind(b(path))
    s.listen(4)


def op_connect(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(b(path))


def op_deep(name, depth):
    """mkdir `name` `depth` times, each in the one before; then a file at the bottom; all relative, so paths get longer than PATH_MAX."""
    fd = os.open('.', os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir(b(name), dir_fd=fd)
            below = os.open(b(name), os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
        out = os.open('file', os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
        os.write(out, b'deep')
        os.close(out)
    finally:
        os.close(fd)


def op_exec(*argv):
    """Run a program in the row's directory; answers what it prints, or EIO with its stderr as an error."""
    p = subprocess.run([b(a) for a in argv], capture_output=True, timeout=300)
    if p.returncode:
        raise ValueError('%s: exit %d: %s' % (argv[0], p.returncode, t(p.stderr)))
    return t(p.stdout)


def op_dropcaches():
    """Nothing where it is not allowed: then the kernel forgets when it likes."""
    os.sync()
    try:
        with open('/proc/sys/vm/drop_caches', 'w') as f:
            f.write('3')
    except PermissionError:
        pass


def op_wait(path):
    """Wait until a path exists (made by a parallel branch of steps)."""
    end = time.monotonic() + 20
    while not os.path.lexists(b(path)):
        if time.monotonic() > end:
            raise TimeoutError(path)
        time.sleep(0.005)


def op_settle(run):
    """Wait until a daemon has taken in, and told the kernel, what was changed directly on its branches before."""
    import socket
    for name in os.listdir(b(run)):
        if not name.startswith(b'si_'):
            continue
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(os.path.join(b(run), name, b'control.sock'))
            client.sendall(b'{"ask": "settle"}\n')
            answer = b''
            while not answer.endswith(b'\n'):
                part = client.recv(4096)
                if not part:
                    raise EOFError(run)
                answer += part
            if b'"answer"' not in answer:
                raise ValueError(t(answer))


def op_rlimit(which, value):
    import resource
    resource.setrlimit(getattr(resource, 'RLIMIT_' + which), (value, value))


def op_repeat(count, steps):
    """The same steps again and again; stops at the first that fails and answers its result."""
    for _ in range(count):
        for r in run_steps(steps):
            if 'v' not in r:
                raise ValueError(str(r))


def in_child(prepare, steps):
    """Run steps in a forked child; its results come back through a pipe. Answers (pid, pipe)."""
    r, w = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(w)
        return pid, r
    try:
        os.close(r)
        with os.fdopen(w, 'w') as f:
            try:
                prepare()
            except PermissionError as e:
                json.dump([{'x': 'cannot become another user: %s' % e}] * len(steps), f)
            else:
                json.dump(run_steps(steps), f)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def collect(child):
    pid, r = child
    with os.fdopen(r) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else [{'x': 'the child died'}]


def op_as(who, steps):
    """who: {"uid", "gid", "groups"}; opens made inside end with it."""
    def become():
        os.setgroups(who.get('groups', []))
        os.setresgid(*[who.get('gid', who['uid'])] * 3)
        os.setresuid(*[who['uid']] * 3)
        libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: /proc/self/fd stays ours
    return collect(in_child(become, steps))


def op_parallel(*lists):
    return [collect(c) for c in [in_child(lambda: None, steps) for steps in lists]]


OPS = {name[3:]: f for name, f in list(globals().items()) if name.startswith('op_')}


def run_steps(steps):
    out = []
    for op, *args in steps:
        try:
            out.append({'v': OPS[op](*args)})
        except OSError as e:
            out.append({'e': 'EOPNOTSUPP' if e.errno == errno.EOPNOTSUPP else errno.errorcode.get(e.errno, 'EUNKNOWN')})
        except Exception as e:
            out.append({'x': '%s: %s' % (type(e).__name__, e)})
    return out


def run(request):
    os.chdir(b(request['cwd']))
    try:
        return {'results': run_steps(request['run'])}
    finally:
        if not request.get('keep'):
            S.clear()
        os.umask(0o022)
        os.chdir('/')


# ---- trees

def build(dirs):
    """Each entry: [path, attributes]; parents come before children. Times are set last, deepest first."""
    for root, entries in dirs:
        late = []
        for path, a in entries:
            full = os.path.join(b(root), b(path)) if path else b(root)
            make(full, a, b(root))
            late.append((full, a))
        for full, a in late:
            if 'link' not in a:
                finish(full, a)
        for full, a in reversed(late):
            if 'link' not in a:
                os.utime(full, (a.get('atime', a['mtime']), a['mtime']), follow_symlinks=False)
    return {}


def make(full, a, root):
    kind = a['type']
    if kind == 'dir':
        os.makedirs(full, exist_ok=True)
        for i in range(a.get('fill', 0)):
            os.close(os.open(os.path.join(full, b'n%06d' % i), os.O_WRONLY | os.O_CREAT, 0o644))
    elif 'link' in a:
        os.link(os.path.join(root, b(a['link'])), full)
    elif kind == 'symlink':
        os.symlink(b(a['target']), full)
    elif kind == 'file':
        fd = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        put(fd, b(a.get('content', '')) * a.get('times', 1))
        if 'size' in a:
            os.ftruncate(fd, a['size'])
        for off, text in a.get('data', []):
            os.pwrite(fd, b(text), off)
        os.close(fd)
    else:
        fmt, rdev = device(kind)
        os.mknod(full, fmt | 0o600, rdev)


def finish(full, a):
    os.chown(full, swap(a.get('uid', 0), ME[0]), swap(a.get('gid', 0), ME[1]), follow_symlinks=False)
    # user.* first, for which an ordinary user needs write permission; ACLs last, because they change the mode.
    user, others = [[(k, v) for k, v in a.get('xattrs', {}).items() if k.startswith('user.') == first] for first in (True, False)]
    for key, value in user:
        os.setxattr(full, b(key), xattr_bytes(value), follow_symlinks=False)
    if a['type'] != 'symlink' and 'mode' in a:
        os.chmod(full, a['mode'])
    for key, value in others:
        os.setxattr(full, b(key), xattr_bytes(value), follow_symlinks=False)


def content_id(full, st):
    """A hash of the data; holes are skipped, their place is not part of it."""
    h = hashlib.sha1()
    fd = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME)
    try:
        pos = 0
        while pos < st.st_size:
            try:
                start = os.lseek(fd, pos, os.SEEK_DATA)
            except OSError as e:
                if e.errno in (errno.ENXIO,):
                    break
                start = pos
            end = os.lseek(fd, start, os.SEEK_HOLE)
            if end <= start:
                break
            pos = start
            while pos < end:
                part = os.pread(fd, min(1 << 20, end - pos), pos)
                if not part:
                    break
                for i in range(0, len(part), 4096):
                    piece = part[i:i + 4096]
                    if piece.strip(b'\0'):
                        h.update(b'%d ' % (pos + i))
                        h.update(piece.rstrip(b'\0'))
                pos += len(part)
            if pos < end:
                break
    finally:
        os.close(fd)
    return h.hexdigest()


def describe(full):
    st = os.lstat(full)
    e = fields(st)
    del e['dev'], e['blocks'], e['atime'], e['ctime']
    if e['type'] == 'dir':
        del e['size'], e['nlink']
    if e['type'] not in ('char', 'block'):
        del e['rdev']
    if e['type'] == 'symlink':
        e['target'] = t(os.readlink(full))
    try:
        e.update(insides(full, st))
    except PermissionError as error:
        if ME[0] == 0:
            raise
        e['insides'] = errno.errorcode[error.errno]
    return e


def insides(full, st):
    """What an ordinary user needs read permission for."""
    e = {'xattrs': {k: hashlib.sha1(v).hexdigest() if len(v) > 64 else v.hex()
                    for k, v in ((k, os.getxattr(full, k, follow_symlinks=False)) for k in os.listxattr(full, follow_symlinks=False))}}
    if stat.S_ISREG(st.st_mode):
        e['sha'] = content_id(full, st)
        if st.st_size <= 100:
            fd = os.open(full, os.O_RDONLY | os.O_NOATIME)
            e['content'] = t(read_all(fd))
            os.close(fd)
    return e


def closed_to_us(directory):
    """An ordinary user may not list or enter it."""
    return ME[0] != 0 and not os.access(directory, os.R_OK | os.X_OK)


def walk(root):
    """
    relative name -> lstat'able full path, the root itself as '.'; depth first, sorted, never following. What an ordinary
    user may not list or enter is not gone into.
    """
    yield '.', root
    stack = [(b'', root)]
    while stack:
        rel, full = stack.pop()
        if closed_to_us(full):
            continue
        fd = os.open(full, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME)
        try:
            with os.scandir(fd) as it:
                entries = sorted((os.fsencode(e.name), e.is_dir(follow_symlinks=False)) for e in it)
        finally:
            os.close(fd)
        for entry, is_dir in entries:
            name = os.path.join(rel, entry)
            path = os.path.join(full, entry)
            yield t(name), path
            if is_dir:
                stack.append((name, path))


def explore(request):
    errors = []
    seen = 0
    stack = [b(request['explore'])]
    while stack:
        full = stack.pop()
        try:
            with os.scandir(full) as it:
                entries = list(it)
        except OSError as e:
            errors.append([t(full), errno.errorcode.get(e.errno, '?')])
            continue
        for e in entries:
            seen += 1
            try:
                look(e.path)
                if stat.S_ISDIR(os.lstat(e.path).st_mode):
                    stack.append(e.path)
            except OSError as error:
                errors.append([t(e.path), errno.errorcode.get(error.errno, '?')])
    return {'errors': errors, 'seen': seen}


def look(path):
    kind = stat.S_IFMT(os.lstat(path).st_mode)
    for key in os.listxattr(path, follow_symlinks=False):
        os.getxattr(path, key, follow_symlinks=False)
    if kind == stat.S_IFREG:
        read_file(t(path))
    elif kind == stat.S_IFLNK:
        os.readlink(path)


def snapshot(request):
    root = b(request['snapshot'])
    everything = list(walk(root))
    if len(everything) > 20000:
        return {'entries': {'.': {'names': len(everything)}}}
    out = {}
    for rel, full in everything:
        try:
            out[rel] = describe(full)
        except OSError as e:
            out[rel] = {'error': errno.errorcode.get(e.errno, '?')}
    for rel, full in everything:
        if out[rel].get('type') != 'dir' or closed_to_us(full):
            continue
        with os.scandir(full) as it:
            for e in it:
                name = e.name if rel == '.' else os.path.join(b(rel), e.name)
                if out[t(name)].get('ino', str(e.inode())) != str(e.inode()):
                    out[t(name)]['d_ino'] = str(e.inode())
    return {'entries': out}


def names(request):
    root = b(request['names'])
    out = []
    for rel, full in walk(root):
        if rel == '.':
            continue
        st = os.lstat(full)
        mark = ''
        if stat.S_ISCHR(st.st_mode) and st.st_rdev == 0:
            mark = 'c:0/0 '
        elif stat.S_ISDIR(st.st_mode) and b'trusted.overlay.opaque' in [b(k) for k in os.listxattr(full)]:
            if os.getxattr(full, 'trusted.overlay.opaque') == b'y':
                mark = 'opaque '
        out.append(mark + rel)
    return {'names': sorted(out)}


remembered = {}


def fingerprint(root):
    groups = {}
    everything = list(walk(b(root)))
    if len(everything) > 20000:
        return {rel: str(os.lstat(full)[0:7] + (os.lstat(full).st_mtime_ns,)) for rel, full in everything}
    out = {}
    for rel, full in everything:
        e = describe(full)
        e['group'] = groups.setdefault(e['ino'], rel)
        if e['type'] != 'dir':
            e['blocks'] = os.lstat(full).st_blocks
        out[rel] = json.dumps(e, sort_keys=True)
    return out


def digest(request):
    remembered[request['key']] = fingerprint(request['digest'])
    return {}


def compare(request):
    old = remembered.pop(request['key'])
    new = fingerprint(request['compare'])
    return {'changes': ['%s: %s -> %s' % (k, old.get(k), new.get(k))
                        for k in sorted(set(old) | set(new)) if old.get(k) != new.get(k)]}


def clear(_):
    S.clear()
    return {}


HANDLERS = {'run': run, 'build': lambda r: build(r['build']), 'snapshot': snapshot, 'explore': explore, 'names': names, 'digest': digest,
            'compare': compare, 'clear': clear}


def main():
    locale.getpreferredencoding()
    b'x'.decode('latin1')
    os.umask(0o022)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = next(f for key, f in HANDLERS.items() if key in request)(request)
        except Exception as e:
            answer = {'error': '%s: %s\n%s' % (type(e).__name__, e, traceback.format_exc())}
        sys.stdout.write(json.dumps(answer) + '\n')
        sys.stdout.flush()


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    select.select([], [], [], 0)
    main()
