/**
 * Container engines on a store of their own: the same commands with fuse-overlayfs, with kernel overlayfs and with
 * tsaufs-overlay, and what they print compared. `scripts/install-deps.sh engines` installs them.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { REPO, until } from '../cli/sandbox.js'
import { OrdinaryUser } from '../rootless/ordinary-user.js'

/** How containers are mounted. */
export type Kind = 'fuse' | 'native' | 'tsaufs'

const PROGRAMS: Readonly<Record<Kind, string>> = {
  fuse: '/usr/bin/fuse-overlayfs', native: '', tsaufs: join(REPO, 'bin', 'tsaufs-overlay'),
}

const NEEDED = ['podman', 'buildah', 'dockerd', 'runc', 'skopeo', 'docker-registry', 'fuse-overlayfs', 'busybox']

function missing(): string | false {
  if (process.geteuid?.() !== 0) return 'needs root'
  const found = (name: string): boolean => ['/usr/bin', '/usr/sbin', '/bin', '/sbin'].some((dir) => existsSync(join(dir, name)))
  const absent = NEEDED.filter((name) => !found(name))
  return absent.length === 0 ? false : `needs engines: scripts/install-deps.sh engines (no ${absent.join(', ')})`
}

/** For tests of engines: `skip: NEEDS_ENGINES`. */
export const NEEDS_ENGINES = missing()

/** A rootfs of some hundred files from busybox: linked names, owners, modes, an attribute, directories to remove and rename. */
function makeRootfs(dir: string): void {
  for (const name of ['bin', 'etc/conf', 'tmp', 'root', 'proc', 'sys', 'dev', 'usr/lib', 'usr/doc/a/b', 'usr/doc/c', 'opt/app']) {
    mkdirSync(join(dir, name), { recursive: true })
  }
  cpSync('/bin/busybox', join(dir, 'bin/busybox'))
  spawnSync('chroot', [dir, '/bin/busybox', '--install', '-s', '/bin'])
  writeFileSync(join(dir, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n')
  writeFileSync(join(dir, 'etc/motd'), 'welcome\n')
  for (let i = 0; i < 120; i++) writeFileSync(join(dir, 'usr/lib', `lib${i}.so`), `library ${i}\n`)
  for (const name of ['a/one', 'a/b/two', 'c/three']) writeFileSync(join(dir, 'usr/doc', name), `${name}\n`)
  for (const name of ['x', 'y']) writeFileSync(join(dir, 'opt/app', name), `${name}\n`)
  const script = `cd '${dir}' && ln usr/lib/lib0.so usr/lib/libzero.so && chown 1000:1000 opt/app/x && chmod 4755 opt/app/y &&
    setfattr -n user.note -v kept opt/app/x; chmod 1777 tmp`
  spawnSync('sh', ['-c', script])
}

/** What a script printed, ids of containers and images left out. */
function normalize(text: string): string {
  return text.replace(/^time=.* level=warning .*\n/gm, '').replace(/[0-9a-f]{64}/g, 'ID').replace(/\b[0-9a-f]{12}\b/g, 'ID').replace(/[ \t]+$/gm, '')
}

export class Bed {
  readonly path: string
  readonly #children: ChildProcess[] = []
  #user: OrdinaryUser | undefined

  /** @param t when it ends, nothing is left mounted or running */
  constructor(t: Test) {
    this.path = realpathSync(mkdtempSync(join(tmpdir(), 'tsaufs-engines-')))
    chmodSync(this.path, 0o755)
    mkdirSync(join(this.path, 'run'), { mode: 0o777 })
    makeRootfs(join(this.path, 'rootfs'))
    spawnSync('tar', ['-C', join(this.path, 'rootfs'), '--xattrs', '-cf', join(this.path, 'rootfs.tar'), '.'])
    writeFileSync(join(this.path, 'containers.conf'), [
      '[containers]', 'netns="none"', 'default_ulimits=["nofile=10000:10000","nproc=10000:10000"]',
      '[engine]', 'cgroup_manager="cgroupfs"', 'events_logger="file"', 'runtime="runc"', '',
    ].join('\n'))
    writeFileSync(join(this.path, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
    t.teardown(() => this.#clear())
  }

  /** A path in the bed. */
  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  /** From now on engines run as an ordinary user with subordinate ids. */
  asUser(t: Test): this {
    const user = new OrdinaryUser()
    t.teardown(() => user.end())
    // Limits are his own affair.
    writeFileSync(this.at('containers.conf'), readFileSync(this.at('containers.conf'), 'utf8').replace(/default_ulimits.*\n/, ''))
    this.#user = user
    return this
  }

  /** Home of whoever runs engines. */
  get home(): string {
    return this.#user?.home ?? this.path
  }

  /** Options of podman and buildah for a store; `mounted` when it is not mounted as it is named. */
  #options(store: Kind, mounted: Kind): string {
    const run = this.#user?.runtime ?? this.at('run')
    const ours = join(this.#user?.repository ?? REPO, 'bin', 'tsaufs-overlay')
    const program = mounted === 'tsaufs' ? ours : PROGRAMS[mounted]
    return `--root ${this.home}/store-${store} --runroot ${run}/${store} --storage-driver overlay` +
      (program === '' ? '' : ` --storage-opt overlay.mount_program=${program}`)
  }

  /**
   * Run a shell script with `podman` and `buildah` on the store of `kind`. Its stdout, and stderr after it, come back
   * normalized.
   * @param mounted another program than the store's own
   */
  sh(kind: Kind, script: string, mounted: Kind = kind): string {
    const options = this.#options(kind, mounted)
    const text = `podman() { command podman ${options} --runtime runc "$@"; }
      buildah() { command buildah ${options} "$@"; }
      bed=${this.path}; kind=${kind}; cd ${this.home}
      ${script}`
    const env: NodeJS.ProcessEnv = {
      ...process.env, CONTAINERS_CONF: this.at('containers.conf'), TSAUFS_SPARE: '0', BUILDAH_RUNTIME: 'runc', LC_ALL: 'C',
      HOME: this.home, TSAUFS_NODE: process.execPath,
    }
    if (this.#user === undefined) env['TSAUFS_RUN_DIR'] = this.at('run/tsaufs')
    else env['XDG_RUNTIME_DIR'] = this.#user.runtime
    const [command, args] = this.#user === undefined
      ? ['sh', ['-c', text]]
      : ['setpriv', ['--reuid', String(this.#user.uid), '--regid', String(this.#user.gid), '--clear-groups', 'sh', '-c', text]]
    const { stdout, stderr } = spawnSync(command as string, args as string[], { env, encoding: 'latin1', timeout: 240_000 })
    return normalize(`${stdout}\n${stderr}`).trimEnd()
  }

  /** A program that runs until the bed ends, in a process group of its own. */
  start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
    this.#children.push(spawn(command, args, { env: { ...process.env, ...env }, stdio: 'ignore', detached: true }))
  }

  /** A registry on loopback. @returns HOST:PORT */
  async registry(port: number): Promise<string> {
    writeFileSync(this.at('registry.yml'), [
      'version: 0.1', 'log: {level: error}', `storage: {filesystem: {rootdirectory: ${this.at('registry')}}}`,
      `http: {addr: 127.0.0.1:${port}}`, '',
    ].join('\n'))
    this.start('docker-registry', ['serve', this.at('registry.yml')])
    // /proc/net/tcp: local address, then remote, then state 0A, that is LISTEN.
    const listens = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`
    await until(() => readFileSync('/proc/net/tcp', 'latin1').includes(listens))
    return `127.0.0.1:${port}`
  }

  /** dockerd with its fuse-overlayfs driver on the program of `kind`. @returns what to put before `docker` */
  async docker(kind: Kind): Promise<string> {
    const dir = this.at(`docker-${kind}`)
    mkdirSync(join(dir, 'bin'), { recursive: true })
    symlinkSync(PROGRAMS[kind], join(dir, 'bin', 'fuse-overlayfs'))
    const socket = `unix://${dir}/sock`
    this.start('dockerd', [
      '--iptables=false', '--ip6tables=false', '--bridge=none', '--storage-driver=fuse-overlayfs', '--data-root', `${dir}/root`,
      '--exec-root', `${dir}/exec`, '--pidfile', `${dir}/pid`, '-H', socket,
    ], { PATH: `${dir}/bin:${process.env['PATH']}`, TSAUFS_SPARE: '0', TSAUFS_RUN_DIR: this.at('run/tsaufs'), TSAUFS_NODE: process.execPath })
    await until(() => spawnSync('docker', ['-H', socket, 'info']).status === 0)
    return `docker -H ${socket}`
  }

  /** Mounts and processes that belong to the bed. */
  remains(): string[] {
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n').filter((line) => line.includes(this.path) || line.includes(`${this.home}/`))
    return [...mounts, ...this.#processes().map(String)]
  }

  #processes(): number[] {
    return readdirSync('/proc').map(Number).filter((pid) => {
      if (!(pid > 0) || pid === process.pid) return false
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(this.path)
      } catch {
        return false
      }
    })
  }

  /** End what was started, and wait for it. */
  async stop(): Promise<void> {
    for (const child of this.#children) child.kill('SIGTERM')
    await until(() => this.#children.every((child) => child.exitCode !== null || child.signalCode !== null))
    // What keeps a rootless user's namespaces open.
    const pause = join(this.#user?.runtime ?? this.path, 'libpod/tmp/pause.pid')
    if (existsSync(pause)) process.kill(Number(readFileSync(pause, 'utf8')), 'SIGKILL')
  }

  async #clear(): Promise<void> {
    await this.stop()
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n').map((line) => line.split(' ')[4] ?? '')
    for (const place of mounts.filter((path) => path.startsWith(`${this.path}/`)).reverse()) spawnSync('umount', ['-l', place])
    rmSync(this.path, { recursive: true, force: true })
  }
}
