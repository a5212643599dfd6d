"""Renames of lower directories: nested, there and back, across parents, exchanged, over empty and full ones. Host side.

rename.py TREE. An answer of EXDEV fails: mv(1) would copy instead and nobody would notice.
"""
import ctypes
import errno
import os
import sys

tree = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
RENAME_EXCHANGE = 2
RENAME_NOREPLACE = 1


def rename2(old, new, flags):
    if libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), old, None, new)


def refused(code, call, *args):
    try:
        call(*args)
    except OSError as error:
        assert error.errno == code, f'{errno.errorcode[error.errno]} instead of {errno.errorcode[code]}: {args}'
        return
    raise AssertionError(f'not refused with {errno.errorcode[code]}: {args}')


def listing(root):
    return sorted(os.path.relpath(os.path.join(at, name), root) for at, dirs, files in os.walk(root) for name in dirs + files)


os.chdir(tree)

# Nested: the inner one, then the outer one, something new inside, the inner one out of it, all back.
zoneinfo = 'usr/share/zoneinfo'
before = listing(zoneinfo)
os.rename(f'{zoneinfo}/Europe', f'{zoneinfo}/Europe.away')
assert not os.path.lexists(f'{zoneinfo}/Europe')
os.rename(zoneinfo, 'usr/share/zones')
assert 'Europe.away/Berlin' in listing('usr/share/zones')
with open('usr/share/zones/Europe.away/Nowhere', 'w') as file:
    file.write('new in a moved directory\n')
os.rename('usr/share/zones/Europe.away', 'srv/Europe')
assert os.path.exists('srv/Europe/Nowhere') and os.path.exists('srv/Europe/Berlin')
os.unlink('srv/Europe/Nowhere')
os.rename('srv/Europe', 'usr/share/zones/Europe')
os.rename('usr/share/zones', zoneinfo)
assert listing(zoneinfo) == before

# A new directory under a name that was moved away must not show what lies below it.
os.rename('usr/share/base-files', 'srv/moved-base-files')
os.mkdir('usr/share/base-files')
assert os.listdir('usr/share/base-files') == [] and os.listdir('srv/moved-base-files') != []

# Stays away: with a whiteout inside, then moved a second time, and one file changed there.
perl = 'usr/share/perl5'
inside = listing(perl)
os.rename(perl, 'srv/perl5')
os.rename('srv/perl5', 'srv/perl-again')
assert listing('srv/perl-again') == inside
first = next(name for name in inside if os.path.isfile(f'srv/perl-again/{name}'))
os.unlink(f'srv/perl-again/{first}')
assert first not in listing('srv/perl-again')
second = next(name for name in listing('srv/perl-again') if os.path.isfile(f'srv/perl-again/{name}'))
with open(f'srv/perl-again/{second}', 'a') as file:
    file.write('# changed after the move\n')

# Over an empty directory yes, over a full one no; into itself no; a file over a directory no.
os.mkdir('srv/empty')
os.rename('usr/share/pam', 'srv/empty')
assert os.listdir('srv/empty')
refused(errno.ENOTEMPTY, os.rename, 'usr/share/keyrings', 'usr/share/zoneinfo')
refused(errno.EINVAL, os.rename, 'usr/share/zoneinfo', 'usr/share/zoneinfo/Asia/inner')
refused(errno.EISDIR, os.rename, 'etc/passwd', 'usr/share/zoneinfo')
refused(errno.ENOTDIR, os.rename, 'usr/share/keyrings', 'etc/passwd')
refused(errno.EEXIST, rename2, 'etc/passwd', 'etc/group', RENAME_NOREPLACE)

# Exchange of two lower files, and of two lower directories.
passwd, group = open('etc/passwd').read(), open('etc/group').read()
rename2('etc/passwd', 'etc/group', RENAME_EXCHANGE)
assert open('etc/passwd').read() == group and open('etc/group').read() == passwd
rename2('etc/passwd', 'etc/group', RENAME_EXCHANGE)
skel, init = os.listdir('etc/skel'), os.listdir('etc/init.d')
rename2('etc/skel', 'etc/init.d', RENAME_EXCHANGE)
assert sorted(os.listdir('etc/skel')) == sorted(init) and sorted(os.listdir('etc/init.d')) == sorted(skel)
rename2('etc/skel', 'etc/init.d', RENAME_EXCHANGE)

# A process inside a directory that moves: its "." and ".." follow.
os.makedirs('srv/walk/in')
inner = os.open('srv/walk/in', os.O_RDONLY | os.O_DIRECTORY)
os.rename('srv/walk', 'srv/walked')
assert os.stat('..', dir_fd=inner).st_ino == os.stat('srv/walked').st_ino
with open(os.open('late', os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=inner), 'w') as file:
    file.write('made through a descriptor\n')
os.close(inner)
assert os.path.exists('srv/walked/in/late')
