/**
 * The flags of `run` and `create`: docker's names, and `--rootfs` as podman has it.
 */
import { Option, type Command } from 'commander'
import type { Bytes } from '../../os/native.js'
import { draftRecord, type RunFlags } from '../../engine/spec/draft.js'
import { checkOtherFlags, IDLE_FLAGS, REFUSED_FLAGS } from '../../engine/spec/other-flags.js'
import type { ContainerRecord } from '../../engine/store/record.js'
import { LIMIT_FLAGS } from '../../engine/cgroup/index.js'
import { NETWORK_FLAGS } from '../../engine/network/index.js'
import { complain } from '../output.js'
import { workingDirectory } from '../raw-args.js'
import { usage } from '../../engine/error.js'
import { many } from './command.js'

/** Flags with one value. */
const WORDS: readonly (readonly [flags: string, help: string])[] = [
  ['--rootfs <dirs>', 'directories that the root is made of, DIR[:DIR...], top first; they are never changed'],
  ['--name <name>', 'name of the container'],
  ['-w, --workdir <dir>', 'working directory of the program; made if it is not there'],
  ['-u, --user <user>', 'user and group of the program, NAME|UID[:GROUP|GID], looked up in the container'],
  ['-h, --hostname <name>', 'host name'],
  ['--domainname <name>', 'domain name'],
  ['--shm-size <bytes>', 'size of /dev/shm (64m)'],
  ['--stop-signal <signal>', "what 'stop' sends first (SIGTERM)"],
  ['--stop-timeout <seconds>', "how long 'stop' waits before SIGKILL (10)"],
  ['--userns <mode>', 'user namespace: host, auto[:size=N], private, container:NAME; not root: keep-id[:uid=N,gid=N]'],
  ['--subuidname <name>', 'its ids are those of this name in /etc/subuid'],
  ['--subgidname <name>', 'and its groups those of this one in /etc/subgid'],
  ['--pid <mode>', 'processes: private, host, container:NAME'],
  ['--ipc <mode>', 'System V ipc: private, shareable, host (with /dev/shm), container:NAME'],
  ['--uts <mode>', 'host name: private, host, container:NAME'],
  ['--cgroupns <mode>', 'cgroup namespace: private, host, container:NAME'],
  ['--timens <mode>', 'clocks that run since the start: host, private, container:NAME'],
  ['--time-offset <clocks>', 'monotonic=SECONDS,boottime=SECONDS ahead of the host; --timens is private then'],
  ['--cgroup-parent <path>', 'cgroup that the container is made in'],
  ['--oom-score-adj <n>', 'how soon it is killed when memory is short, -1000 to 1000'],
  ['--restart <policy>', 'when it has ended: no, on-failure[:N], always, unless-stopped'],
  ['--log-driver <driver>', 'json-file or none'],
]

/** Flags that may be given more than once. */
const LISTS: readonly (readonly [flags: string, help: string])[] = [
  ['-e, --env <variable>', 'NAME=value, or NAME for ours'],
  ['--env-file <file>', 'lines NAME=value'],
  ['-v, --volume <mount>', 'HOST-DIR:TARGET[:ro], NAME:TARGET or TARGET for a volume; a directory that is not there is made; :O: what is written goes at the end'],
  ['--mount <mount>', 'type=bind,source=DIR,target=DIR[,readonly], type=volume,source=NAME,target=DIR, type=tmpfs,target=DIR'],
  ['--volumes-from <container>', 'what that one has mounted of the host and of volumes, NAME[:ro]'],
  ['--tmpfs <mount>', 'TARGET[:OPTIONS]'],
  ['--add-host <host>', 'HOST:IP for /etc/hosts'],
  ['--dns <address>', 'name server'],
  ['--dns-search <domain>', 'search domain'],
  ['--dns-option <option>', 'option of resolv.conf'],
  ['--cap-add <capability>', 'a capability more, or ALL'],
  ['--cap-drop <capability>', 'one less, or ALL'],
  ['--device <device>', 'HOST-PATH[:CONTAINER-PATH[:rwm]]'],
  ['--device-cgroup-rule <rule>', "a rule for devices: 'c 1:3 rwm'"],
  ['--ulimit <limit>', 'NAME=SOFT[:HARD], as nofile=1024:2048'],
  ['--sysctl <sysctl>', "NAME=value of the container's namespaces"],
  ['--uidmap <map>', 'CONTAINER-ID:HOST-ID:SIZE for users of a user namespace'],
  ['--gidmap <map>', 'the same for groups; those of users if not given'],
  ['--group-add <group>', 'a supplementary group'],
  ['--annotation <annotation>', 'NAME=value of the OCI configuration'],
  ['-l, --label <label>', 'NAME=value'],
  ['--label-file <file>', 'lines NAME=value'],
  ['--security-opt <option>', 'seccomp=FILE|unconfined, no-new-privileges[=false], systempaths=unconfined'],
]

const SWITCHES: readonly (readonly [flags: string, help: string])[] = [
  ['--read-only', 'the root cannot be written'],
  ['--privileged', 'all capabilities and devices, nothing masked'],
  ['--rm', 'remove the container when it has ended'],
  ['--init', 'a small init is process 1'],
  ['-i, --interactive', 'keep its standard input open'],
  ['-t, --tty', 'give it a terminal'],
]

/** Add the flags to a command. */
export function addRunFlags(command: Command): Command {
  for (const [flags, help] of [...WORDS, ...SWITCHES]) command.option(flags, help)
  for (const [flags, help] of LISTS) command.addOption(new Option(flags, help).argParser(many))
  // `--entrypoint ''` means something.
  command.option('--entrypoint <program>', 'program that the arguments are given to')
  for (const { flags, help, many: repeats } of [...NETWORK_FLAGS, ...LIMIT_FLAGS]) {
    command.addOption(repeats === true ? new Option(flags, help).argParser(many) : new Option(flags, help))
  }
  command.option('--net <mode>', 'the same as --network')
  command.addOption(new Option('--dns-opt <option>', 'the same as --dns-option').argParser(many))
  for (const { flags, why } of [...IDLE_FLAGS, ...REFUSED_FLAGS]) command.addOption(new Option(flags, why).hideHelp())
  return command
}

const attribute = ([flags]: readonly [flags: string, help: string]): string => new Option(flags).attributeName()
/** What was not given. */
const NOTHING = {
  ...Object.fromEntries(WORDS.map((row) => [attribute(row), ''])), ...Object.fromEntries(LISTS.map((row) => [attribute(row), []])),
}

/** What commander makes of the flags that were given. */
export type RunOptions = Partial<RunFlags> & { readonly net?: string, readonly dnsOpt?: readonly string[] }

/** The record of the container that is asked for. @throws MountError for what is wrong with it */
export function recordOf(options: RunOptions, words: readonly Bytes[]): ContainerRecord {
  const { net, dnsOpt = [], dnsOption = [], ...more } = options
  const flags = { ...NOTHING, ...(net === undefined ? {} : { network: net }), ...more, dnsOption: [...dnsOption, ...dnsOpt] } as RunFlags
  checkOtherFlags(options, (each) => attribute([each, '']))
  if (flags.rootfs === '') throw usage('run', 'give the directories of its root: --rootfs DIR[:DIR...] COMMAND')
  return draftRecord(flags, words, workingDirectory(), complain)
}
