/**
 * What a container may ask of the kernel when nobody says otherwise: docker's default profile, as a table of our own.
 * What is not here is denied with EPERM: keyctl and add_key, kexec, io_uring, userfaultfd, swapon, and so on; what needs a
 * capability anyway is open to who has it. Source: the profile that Docker Engine 29 has compiled in.
 */
import { ANYWHERE, ENOSYS, EPERM } from './profile.js'
import type { Action, Circumstances, Condition, Operator, Profile, Rule } from './profile.js'

const ALLOW: Action = { name: 'ALLOW', data: 0 }

/** Calls that are open to everybody, by what they are about. */
const OPEN = `
  open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek
  dup dup2 dup3 fcntl fcntl64 ioctl flock pipe pipe2 tee splice vmsplice sendfile sendfile64 copy_file_range readahead
  fadvise64 fadvise64_64 fallocate truncate truncate64 ftruncate ftruncate64 sync fsync fdatasync syncfs sync_file_range

  stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 access faccessat faccessat2
  statmount listmount cachestat name_to_handle_at readlink readlinkat getdents getdents64 getcwd chdir fchdir umask
  chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 fchownat utime utimes futimesat utimensat utimensat_time64
  link linkat symlink symlinkat unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat
  getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr listxattrat
  setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat
  inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark

  poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 eventfd eventfd2 signalfd signalfd4
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2
  io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64

  socketcall socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt
  send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64

  brk mmap mmap2 munmap mremap mprotect madvise mincore msync mseal mlock mlock2 mlockall munlock munlockall remap_file_pages
  memfd_create memfd_secret membarrier map_shadow_stack pkey_alloc pkey_free pkey_mprotect
  ipc shmget shmat shmdt shmctl semget semop semctl semtimedop semtimedop_time64 msgget msgsnd msgrcv msgctl
  mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64
  futex futex_time64 futex_wait futex_wake futex_waitv futex_requeue set_robust_list get_robust_list rseq

  fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill pause restart_syscall uretprobe
  pidfd_open pidfd_send_signal process_mrelease set_tid_address set_thread_area get_thread_area riscv_hwprobe
  rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 sigaltstack sigprocmask sigreturn
  prctl seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self capget capset
  sched_yield sched_setscheduler sched_getscheduler sched_setparam sched_getparam sched_setattr sched_getattr
  sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_getaffinity
  getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64 getrusage

  getpid getppid gettid getpgid setpgid getpgrp getsid setsid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32
  setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32
  getresuid getresuid32 getresgid getresgid32 setfsuid setfsuid32 setfsgid setfsgid32 getgroups getgroups32 setgroups setgroups32

  time times gettimeofday adjtimex clock_adjtime clock_adjtime64 clock_gettime clock_gettime64 clock_getres clock_getres_time64
  nanosleep clock_nanosleep clock_nanosleep_time64 alarm getitimer setitimer
  timer_create timer_delete timer_settime timer_settime64 timer_gettime timer_gettime64 timer_getoverrun
  timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64
  uname sysinfo getcpu getrandom`

/** Since 4.8 a tracer cannot get round the filter of what it traces. */
const SINCE_4_8 = 'ptrace process_vm_readv process_vm_writev'

const WITH_ARCH: Readonly<Record<string, string>> = {
  'arm arm64': 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
  'amd64 x32': 'arch_prctl',
  'amd64 x32 x86': 'modify_ldt',
}

const WITH_CAPABILITY: Readonly<Record<string, string>> = {
  CAP_SYS_ADMIN: `
    clone clone3 unshare setns mount umount umount2 mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick quotactl quotactl_fd
    bpf perf_event_open fanotify_init lookup_dcookie lsm_get_self_attr lsm_set_self_attr lsm_list_modules sethostname setdomainname syslog`,
  CAP_DAC_READ_SEARCH: 'open_by_handle_at',
  CAP_SYS_BOOT: 'reboot',
  CAP_SYS_CHROOT: 'chroot',
  CAP_SYS_MODULE: 'init_module finit_module delete_module',
  CAP_SYS_PACCT: 'acct',
  CAP_SYS_PTRACE: 'ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd',
  CAP_SYS_RAWIO: 'iopl ioperm',
  CAP_SYS_TIME: 'settimeofday stime clock_settime clock_settime64',
  CAP_SYS_TTY_CONFIG: 'vhangup',
  CAP_SYS_NICE: 'mbind get_mempolicy set_mempolicy set_mempolicy_home_node',
  CAP_SYSLOG: 'syslog',
  CAP_BPF: 'bpf',
  CAP_PERFMON: 'perf_event_open',
}

/** Families below are all open; of those above, these. Not: DECnet, VSOCK (knows no namespaces), ALG, what the kernel has lost. */
const FAMILIES_BELOW = 12
const FAMILIES = [13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45]

/** PER_LINUX, PER_LINUX32, both with UNAME26, and the question which it is. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff]

/** CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET. */
const CLONE_NAMESPACES = 0x7e020000

const SYS_ADMIN: Circumstances = { caps: ['CAP_SYS_ADMIN'], arches: [] }
const condition = (op: Operator, value: number): Condition => ({ index: 0, op, value: BigInt(value), valueTwo: 0n })

function allow(words: string, more: Partial<Rule> = {}): Rule {
  return { names: words.trim().split(/\s+/), action: ALLOW, conditions: [], includes: ANYWHERE, excludes: ANYWHERE, ...more }
}

/** Docker's default profile. */
export function defaultProfile(): Profile {
  return {
    defaultAction: { name: 'ERRNO', data: EPERM },
    architectures: [],
    archMap: {
      SCMP_ARCH_X86_64: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      SCMP_ARCH_AARCH64: ['SCMP_ARCH_ARM'],
    },
    rules: [
      allow(OPEN),
      allow(SINCE_4_8, { includes: { ...ANYWHERE, minKernel: [4, 8] } }),
      allow('socket', { conditions: [condition('LT', FAMILIES_BELOW)] }),
      ...FAMILIES.map(family => allow('socket', { conditions: [condition('EQ', family)] })),
      ...PERSONALITIES.map(each => allow('personality', { conditions: [condition('EQ', each)] })),
      ...Object.entries(WITH_ARCH).map(([arches, words]) => allow(words, { includes: { caps: [], arches: arches.split(' ') } })),
      ...Object.entries(WITH_CAPABILITY).map(([cap, words]) => allow(words, { includes: { caps: [cap], arches: [] } })),
      allow('clone', { conditions: [condition('MASKED_EQ', CLONE_NAMESPACES)], excludes: SYS_ADMIN }),
      // Its flags lie in memory, where a filter does not see them: the C library shall take clone instead.
      allow('clone3', { action: { name: 'ERRNO', data: ENOSYS }, excludes: SYS_ADMIN }),
    ],
    flags: [],
  }
}
