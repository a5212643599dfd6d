#!/usr/bin/env python3
"""What a tree is, written down so that two trees can be compared.

  tree_digest.py scan ROOT [--since SECONDS] > FILE    one JSON object a line: a path and all that is to be seen of it
  tree_digest.py compare WANTED GOT [--ignore FILE] [--inodes]
                                                       prints each difference; exit 1 when there is one
  tree_digest.py seal ROOT                             one checksum of everything, stamps and inode numbers included

A record holds: type, mode, owner, device number, size and SHA-1 of the contents, link target, extended attributes (ACLs
and capabilities are such), link count, the first path of its hard-link group, time of last change, and whether the
directory listing said the same type and inode number as stat(2). With --since a time later than that is written as
"new": two runs of the same steps cannot agree on it, but a time that the steps only carried along they must keep.
Directories: size and link count are the file system's own business and left out.
"""
import argparse
import fnmatch
import hashlib
import json
import os
import stat
import sys

TYPES = {stat.S_IFREG: 'file', stat.S_IFDIR: 'dir', stat.S_IFLNK: 'symlink', stat.S_IFIFO: 'fifo',
         stat.S_IFSOCK: 'socket', stat.S_IFCHR: 'char', stat.S_IFBLK: 'block'}
SHOWN = 8  # differences printed of one kind before the rest is only counted
WIDTH = 100  # characters of a value printed


def show(path):
    """Bytes of a name as text that can be read back: backslash escapes for what is not UTF-8."""
    return path.decode('utf-8', 'backslashreplace')


def contents(path):
    digest = hashlib.sha1()
    # O_NOATIME: looking must not change what a seal holds. Only the owner may; root is.
    fd = os.open(path, os.O_RDONLY | os.O_NOATIME)
    with open(fd, 'rb', buffering=0) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def dirent_fault(entry, st):
    """What the listing claims against what stat says, or None."""
    if entry.inode() != st.st_ino:
        return 'd_ino differs from st_ino'
    is_same = (entry.is_dir(follow_symlinks=False) == stat.S_ISDIR(st.st_mode)
               and entry.is_symlink() == stat.S_ISLNK(st.st_mode)
               and entry.is_file(follow_symlinks=False) == stat.S_ISREG(st.st_mode))
    return None if is_same else 'd_type differs from st_mode'


def describe(path, st, since_ns):
    record = {'type': TYPES[stat.S_IFMT(st.st_mode)], 'mode': oct(stat.S_IMODE(st.st_mode)),
              'owner': f'{st.st_uid}:{st.st_gid}', 'ino': st.st_ino}
    record['mtime'] = 'new' if since_ns is not None and st.st_mtime_ns >= since_ns else st.st_mtime_ns
    xattrs = {}
    for name in os.listxattr(path, follow_symlinks=False):
        xattrs[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    if xattrs:
        record['xattrs'] = xattrs
    if stat.S_ISDIR(st.st_mode):
        return record
    record['nlink'] = st.st_nlink
    if stat.S_ISREG(st.st_mode):
        record['size'] = st.st_size
        record['sha1'] = contents(path)
    elif stat.S_ISLNK(st.st_mode):
        record['target'] = show(os.readlink(path))
    elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        record['device'] = f'{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}'
    return record


def scan(root, since_ns):
    """Records by path (bytes, relative), in the order of the sorted names. Raises OSError as the tree gives it."""
    root = os.fsencode(root)
    top = os.lstat(root)
    records = {b'.': describe(root, top, since_ns)}
    leaders = {}
    pending = [b'']
    while pending:
        below = pending.pop()
        with os.scandir(os.path.join(root, below)) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            path = os.path.join(below, entry.name)
            st = os.lstat(entry.path)
            record = records[path] = describe(entry.path, st, since_ns)
            fault = dirent_fault(entry, st)
            if fault:
                record['dirent'] = fault
            if st.st_dev != top.st_dev:
                record['dev'] = 'another than the root has'
            if stat.S_ISDIR(st.st_mode):
                pending.append(path)
            elif st.st_nlink > 1:
                leaders.setdefault(st.st_ino, []).append(path)
    for group in leaders.values():
        group.sort()
        for path in group:
            records[path]['links'] = [show(name) for name in group]
    return records


def load(file_name):
    with open(file_name, encoding='utf-8') as file:
        return dict(json.loads(line) for line in file)


def load_ignored(file_name):
    """Lines `FIELDS GLOB  # reason`: comma-separated fields, or `tree` for all that lies below."""
    rules = []
    if file_name is None:
        return rules
    with open(file_name, encoding='utf-8') as file:
        for line in file:
            words = line.split('#', 1)[0].split()
            if words:
                rules.append((set(words[0].split(',')), words[1]))
    return rules


def ignored_fields(path, rules):
    """Set of fields not to compare, or None when the path itself is not to be looked at."""
    fields = set()
    for what, pattern in rules:
        if 'tree' in what:
            if fnmatch.fnmatchcase(path, pattern + '/*'):
                return None
        elif fnmatch.fnmatchcase(path, pattern):
            if 'name' in what:
                return None
            fields |= what
    return fields


def brief(value):
    text = str(value)
    return text if len(text) <= WIDTH else text[:WIDTH] + '...'


def differences(wanted, got, rules, with_inodes):
    """Yields one line of text per difference, ordered by path."""
    for path in sorted(wanted.keys() | got.keys()):
        skipped = ignored_fields(path, rules)
        if skipped is None:
            continue
        if path not in got:
            yield f'missing  {path} ({wanted[path]["type"]})'
            continue
        if path not in wanted:
            yield f'extra    {path} ({got[path]["type"]})'
            continue
        one, other = wanted[path], got[path]
        for field in sorted(one.keys() | other.keys()):
            if field in skipped or (field == 'ino' and not with_inodes):
                continue
            if one.get(field) != other.get(field):
                yield f'{field:8} {path}: wanted {brief(one.get(field))}, got {brief(other.get(field))}'


def compare(args):
    counts = {}
    for line in differences(load(args.wanted), load(args.got), load_ignored(args.ignore), args.inodes):
        kind = line.split(' ', 1)[0]
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= SHOWN:
            print(line)
    for kind, count in counts.items():
        if count > SHOWN:
            print(f'... {count} in all differ in: {kind}')
    return 1 if counts else 0


def seal(args):
    digest = hashlib.sha1()
    for path, record in sorted(scan(args.root, None).items()):
        st = os.lstat(os.path.join(os.fsencode(args.root), path))
        digest.update(path + b'\0' + json.dumps(record, sort_keys=True).encode() + str(st.st_ctime_ns).encode())
    print(digest.hexdigest())
    return 0


def write_scan(args):
    since_ns = None if args.since is None else int(args.since * 1e9)
    for path, record in scan(args.root, since_ns).items():
        print(json.dumps([show(path), record]))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser('scan')
    verb.add_argument('root')
    verb.add_argument('--since', type=float)
    verb.set_defaults(run=write_scan)
    verb = verbs.add_parser('compare')
    verb.add_argument('wanted')
    verb.add_argument('got')
    verb.add_argument('--ignore')
    verb.add_argument('--inodes', action='store_true')
    verb.set_defaults(run=compare)
    verb = verbs.add_parser('seal')
    verb.add_argument('root')
    verb.set_defaults(run=seal)
    args = parser.parse_args()
    sys.exit(args.run(args))


if __name__ == '__main__':
    main()
