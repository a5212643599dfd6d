#!/usr/bin/env python3
"""How long a container takes from the command to its end: tsaufs beside the programs that are installed of unshare, bwrap, crun, runc,
ctr, podman (kernel overlayfs, fuse-overlayfs, tsaufs-overlay) and docker. `true` and `echo`, no network, one busybox root.

    bench/containers.py [ROUNDS [NAME...]]      15 rounds, which go through all of them in turn, or through those whose names begin so;
                                                needs root and busybox-static

Medians of wall time; the processor time of the whole machine for one start (servers of engines and what is put off are in it, so it is
right on a quiet machine only); the largest resident size of a process that the command waited for; and what stays for each running
container beside its program: proportional size (PSS) of the processes that were not there before. crun is run where the cgroup2 mount is
hidden, as it refuses hybrid cgroups. What is missing is named.
"""
import contextlib, json, os, shutil, signal, statistics, subprocess, sys, tempfile, time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
ONLY = tuple(sys.argv[2:])
REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TSAUFS = f'{REPO}/bin/tsaufs'
# Short, as podman's runroot may have 50 characters.
WORK = tempfile.mkdtemp(prefix='bench-')
ROOT = f'{WORK}/root'
QUIET = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.PIPE}
os.environ.update(TSAUFS_RUN_DIR=f'{WORK}/run', TSAUFS_ROOT=f'{WORK}/tsaufs', CONTAINERS_CONF=f'{WORK}/containers.conf')


def run(*words, **more):
    done = subprocess.run(words, **{**QUIET, **more})
    if done.returncode != 0:
        raise SystemExit(f'{" ".join(words)}: exit {done.returncode}: {done.stderr.decode()}')


def make_root():
    os.makedirs(f'{ROOT}/bin')
    for name in ('etc', 'proc', 'sys', 'dev', 'tmp'):
        os.makedirs(f'{ROOT}/{name}')
    shutil.copy(shutil.which('busybox'), f'{ROOT}/bin/busybox')
    run('chroot', ROOT, '/bin/busybox', '--install', '-s', '/bin')
    with open(f'{ROOT}/etc/passwd', 'w') as file:
        file.write('root:x:0:0:root:/root:/bin/sh\n')


def bundle(runtime):
    at = f'{WORK}/{runtime}'
    os.makedirs(at)
    run('runc', 'spec', cwd=at)
    with open(f'{at}/config.json') as file:
        config = json.load(file)
    config['root'] = {'path': ROOT, 'readonly': False}
    config['process'].update(terminal=False)
    config['process'].pop('rlimits', None)
    for words in (['true'], ['echo', 'hello'], ['sleep', '100']):
        config['process']['args'] = words
        os.makedirs(f'{at}/{words[0]}')
        with open(f'{at}/{words[0]}/config.json', 'w') as file:
            json.dump(config, file)
    return at


class Subject:
    """`argv(words, name)` runs a container in the foreground; `stop(name)` ends one that sleeps."""

    def __init__(self, name, argv, stop=None, prepare=None):
        self.name, self.argv, self.stop, self.prepare = name, argv, stop, prepare
        self.wall, self.cpu, self.peak, self.standing = {}, {}, 0, None


def subjects(stack):
    def need(*programs):
        gone = [program for program in programs if shutil.which(program) is None]
        if gone:
            print(f'missing: {", ".join(gone)} (scripts/install-deps.sh engines)')
        return not gone

    def tsaufs(*options):
        return lambda words, name: [TSAUFS, 'run', '--rm', '--name', name, '--network', 'none', *options, '--rootfs', ROOT, *words]
    yield Subject('tsaufs', tsaufs(), lambda name: run(TSAUFS, 'kill', name))
    yield Subject('tsaufs, nobody waits', lambda words, name: ['env', 'TSAUFS_SPARE=0', *tsaufs()(words, name)])
    if need('unshare'):
        yield Subject('unshare', lambda words, _: ['unshare', '-mpfui', '--net', f'--root={ROOT}', *words])
    if need('bwrap'):
        yield Subject('bwrap', lambda words, _: ['bwrap', '--unshare-all', '--bind', ROOT, '/', '--proc', '/proc', '--dev', '/dev', *words])
    for runtime in ('crun', 'runc'):
        if not need(runtime, 'runc'):
            continue
        at = bundle(runtime)
        hide = ['unshare', '-m', 'sh', '-c', 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', 'sh'] if runtime == 'crun' else []
        yield Subject(runtime, lambda words, name, at=at, runtime=runtime, hide=hide: [
            *hide, runtime, '--root', f'{at}/state', 'run', '-b', f'{at}/{words[0]}', name])
    if need('podman'):
        with open(os.environ['CONTAINERS_CONF'], 'w') as file:
            file.write('[containers]\nnetns = "none"\ndefault_ulimits = ["nofile=10000:10000", "nproc=10000:10000"]\n'
                       '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        run('tar', '-C', ROOT, '-cf', f'{WORK}/root.tar', '.')
        programs = {'overlay': None, 'fuse-overlayfs': shutil.which('fuse-overlayfs'), 'tsaufs': f'{REPO}/bin/tsaufs-overlay'}
        for kind, program in programs.items():
            if kind == 'fuse-overlayfs' and program is None:
                continue
            base = ['podman', '--root', f'{WORK}/{kind}', '--runroot', f'{WORK}/run-{kind}', '--storage-driver', 'overlay',
                    *(['--storage-opt', f'overlay.mount_program={program}'] if program else []), '--runtime', 'runc']
            run(*base, 'import', f'{WORK}/root.tar', 'bench')
            stack.callback(subprocess.run, ['umount', '-l', f'{WORK}/{kind}/overlay'], **QUIET)
            stack.callback(subprocess.run, [*base, 'rm', '-f', '-t', '0', '-a'], **QUIET)
            yield Subject(f'podman, {kind}', lambda words, name, base=base: [*base, 'run', '--rm', '--name', name, 'bench', *words],
                          lambda name, base=base: run(*base, 'kill', name))
    if need('dockerd', 'docker'):
        at = f'{WORK}/docker'
        os.makedirs(at)
        server = subprocess.Popen(['dockerd', '--iptables=false', '--ip6tables=false', '--bridge=none', '--storage-driver=overlay2',
                                   '--data-root', f'{at}/root', '--exec-root', f'{at}/exec', '--pidfile', f'{at}/pid', '-H', f'unix://{at}/sock'],
                                  **{**QUIET, 'stderr': subprocess.DEVNULL})
        stack.callback(lambda: (server.terminate(), server.wait()))
        docker = ['docker', '-H', f'unix://{at}/sock']
        until(lambda: subprocess.run([*docker, 'info'], **QUIET).returncode == 0)
        run(*docker, 'import', f'{WORK}/root.tar', 'bench')
        yield Subject('docker', lambda words, name: [*docker, 'run', '--rm', '--name', name, '--network', 'none', 'bench', *words],
                      lambda name: run(*docker, 'kill', name))
        ctr = ['ctr', '-a', f'{at}/exec/containerd/containerd.sock']
        with tempfile.NamedTemporaryFile(suffix='.tar') as image:
            run(*docker, 'save', '-o', image.name, 'bench')
            if subprocess.run([*ctr, 'images', 'import', image.name], **QUIET).returncode == 0:
                yield Subject('ctr', lambda words, name: [*ctr, 'run', '--rm', 'docker.io/library/bench:latest', name, *words],
                              lambda name: run(*ctr, 'tasks', 'kill', '-s', 'KILL', name))


def until(done, seconds=30):
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit('bench/containers.py: waited in vain')
        time.sleep(0.02)


def machine_cpu():
    """Seconds that all processors were busy."""
    fields = open('/proc/stat').readline().split()[1:]
    return (sum(map(int, fields[:3])) + sum(map(int, fields[5:7]))) / os.sysconf('SC_CLK_TCK')


def start(subject, words, count=[0]):
    count[0] += 1
    before, begin = machine_cpu(), time.perf_counter()
    process = subprocess.Popen(subject.argv(words, f'b{os.getpid()}n{count[0]}'), **QUIET)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode != 0:
        raise SystemExit(f'{subject.name}: exit {process.returncode}: {said.decode()}')
    # What is put off to the end, a process that waits for the next, belongs to it.
    time.sleep(3)
    return wall, machine_cpu() - before, usage.ru_maxrss * 1024


def pss(pid):
    try:
        return next(int(line.split()[1]) * 1024 for line in open(f'/proc/{pid}/smaps_rollup') if line.startswith('Pss:'))
    except (OSError, StopIteration):
        return 0


def processes():
    return {pid for pid in os.listdir('/proc') if pid.isdigit()}


def standing(subject):
    """PSS of what is there for one container that runs in the background, without its program."""
    if subject.stop is None:
        return None
    # A spare that is there becomes the daemon of this one.
    before, name = {pid for pid in processes() if not is_spare(pid)}, f'b{os.getpid()}s'
    client = subprocess.Popen(subject.argv(['sleep', '100'], name), **QUIET)
    until(lambda: any(is_program(pid) for pid in processes() - before))
    time.sleep(2)
    new = {pid for pid in processes() - before if pid != str(client.pid) and not is_program(pid) and not is_spare(pid)}
    total = sum(map(pss, new))
    subject.stop(name)
    client.wait()
    time.sleep(1)
    return total


def cmdline(pid):
    try:
        return open(f'/proc/{pid}/cmdline', 'rb').read().split(b'\0')
    except OSError:
        return [b'']


def is_program(pid):
    return cmdline(pid)[:2] == [b'sleep', b'100']


def is_spare(pid):
    return cmdline(pid)[0].startswith((b'tsaufs spare', b'tsaufs warm'))


def table(all_of_them):
    ms = lambda seconds: f'{1000 * seconds:.0f}'
    mib = lambda size: '-' if size is None else f'{size / 2**20:.1f}'
    print('\n| ms, MiB | `true` | `echo` | processor | peak of the command | stays for each |\n|---|---|---|---|---|---|')
    for subject in all_of_them:
        wall = {op: statistics.median(times) for op, times in subject.wall.items()}
        cpu = statistics.mean(subject.cpu['true'] + subject.cpu['echo'])
        print(f"| {subject.name} | {ms(wall['true'])} | {ms(wall['echo'])} | {ms(cpu)} | {mib(subject.peak)} | {mib(subject.standing)} |")


def main():
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, WORK, ignore_errors=True)
        stack.callback(lambda: [os.kill(int(pid), signal.SIGTERM) for pid in processes() if is_spare(pid) and WORK in str(cmdline(pid))])
        make_root()
        those = [subject for subject in subjects(stack) if not ONLY or subject.name.startswith(ONLY)]
        for subject in those:
            start(subject, ['true'])
        for turn in range(ROUNDS):
            for subject in those[turn % len(those):] + those[:turn % len(those)]:
                for words in (['true'], ['echo', 'hello']):
                    wall, cpu, peak = start(subject, words)
                    subject.wall.setdefault(words[0], []).append(wall)
                    subject.cpu.setdefault(words[0], []).append(cpu)
                    subject.peak = max(subject.peak, peak)
        for subject in those:
            subject.standing = standing(subject)
        table(those)


main()
