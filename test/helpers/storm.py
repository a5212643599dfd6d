"""Changes without end: directly on branches, or through a mount; and what a mount shows.

    storm.py direct SEED COUNT DIR...   COUNT random changes in the trees of DIR...
    storm.py flood COUNT DIR            COUNT names come and go in DIR
    storm.py through SEED STOP MOUNT    work through MOUNT until the file STOP is there
    storm.py show MOUNT [weak]          every name with its attributes and content, as JSON

Errors are what such a crowd gives each other, and ignored; but not one that says that something is broken.
"""
import errno
import hashlib
import json
import os
import random
import sys

NAMES = ['n%d' % i for i in range(40)]
DIRS = ['.'] + ['d%d' % i for i in range(6)] + ['d%d/e%d' % (i, k) for i in range(3) for k in range(2)]
BROKEN = {errno.ENOSYS, errno.ENXIO, errno.ENOTCONN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC}


def write(path, flags):
    fd = os.open(path, flags, 0o644)
    try:
        os.write(fd, b'%d ' % random.getrandbits(30) * random.randrange(1, 40))
    finally:
        os.close(fd)


def replace(path):
    temp = '%s.%d' % (path, os.getpid())
    write(temp, os.O_WRONLY | os.O_CREAT)
    os.rename(temp, path)


def look(path):
    os.lstat(path)
    if os.path.isdir(path):
        os.listdir(path)
    else:
        with open(path, 'rb') as f:
            f.read()


def hide(path):
    head, tail = os.path.split(path)
    os.close(os.open(os.path.join(head, '.wh.' + tail), os.O_CREAT | os.O_WRONLY, 0o444))


def uncover(path):
    head, tail = os.path.split(path)
    os.unlink(os.path.join(head, '.wh.' + tail))


def link(path):
    os.link(path, path + 'l')


CHANGES = [
    lambda p, q: write(p, os.O_WRONLY | os.O_CREAT), lambda p, q: write(p, os.O_WRONLY | os.O_APPEND),
    lambda p, q: write(p, os.O_WRONLY | os.O_TRUNC), lambda p, q: os.unlink(p), lambda p, q: os.rename(p, q),
    lambda p, q: replace(p), lambda p, q: os.chmod(p, random.choice((0o700, 0o750, 0o755))), lambda p, q: os.mkdir(p),
    lambda p, q: os.rmdir(p), lambda p, q: os.symlink('n1', p), lambda p, q: os.truncate(p, 3),
    lambda p, q: os.mkdir(os.path.dirname(p)),
]
LINKS = [] if 'STORM_NO_LINKS' in os.environ else [lambda p, q: link(p)]
# On the first branch only. A link group of a lower one stays a group once it has been copied up (docs/semantics.md).
MARKS = [lambda p, q: hide(p), lambda p, q: uncover(p)] + LINKS
LOOKS = [lambda p, q: look(p), lambda p, q: look(os.path.dirname(p)), lambda p, q: look(p)]


def some(root):
    return os.path.join(root, random.choice(DIRS), random.choice(NAMES))


def step(root, deeds):
    try:
        random.choice(deeds)(some(root), some(root))
    except OSError as e:
        if e.errno in BROKEN:
            raise


def direct(seed, count, *roots):
    random.seed(int(seed))
    for i in range(int(count)):
        root = random.choice(roots)
        step(root, CHANGES + MARKS if root == roots[0] else CHANGES)
        if i % 500 == 0:
            # A directory is moved away as a whole, and back.
            here = os.path.join(root, random.choice(DIRS[1:]))
            try:
                os.rename(here, here + '.away')
                os.rename(here + '.away', here)
            except OSError:
                pass


def flood(count, root):
    """So many names that no two events are one."""
    for i in range(int(count)):
        path = os.path.join(root, 'flood%d' % i)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
        os.unlink(path)


def through(seed, stop, root):
    random.seed(int(seed))
    while not os.path.exists(stop):
        for _ in range(50):
            step(root, LOOKS * 4 + CHANGES + LINKS)


def show(root, weak=''):
    shown = {}
    for here, dirs, files in os.walk(os.fsencode(root)):
        for name in dirs + files:
            path = os.path.join(here, name)
            st = os.lstat(path)
            what = [st.st_mode, st.st_nlink, st.st_uid, st.st_gid, st.st_mtime_ns, st.st_ino]
            if os.path.islink(path):
                what.append(os.readlink(path).decode('latin1'))
                if weak:
                    # Without privilege its number cannot be stored with the copy.
                    what.remove(st.st_ino)
            elif os.path.isfile(path):
                with open(path, 'rb') as f:
                    what += [st.st_size, hashlib.sha1(f.read()).hexdigest()]
            shown[os.path.relpath(path, os.fsencode(root)).decode('latin1')] = what
    # A name that is missing shall be as missing as one that is there is there.
    for d in DIRS:
        for n in NAMES:
            path = os.path.normpath(os.path.join(d, n))
            if os.path.lexists(os.path.join(root, path)) != (path in shown):
                shown[path] = 'listed otherwise than looked up'
    print(json.dumps(shown, sort_keys=True))


{'direct': direct, 'flood': flood, 'through': through, 'show': show}[sys.argv[1]](*sys.argv[2:])
