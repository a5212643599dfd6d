/**
 * The manual pages tsaufs(1), tsaufs(5) and mount.tsaufs(8): made of the commands and of the option table, which are also
 * what `--help` shows. scripts/man.mjs writes them to dist/man.
 */
import type { Command } from 'commander'
import { OPTION_ROWS, type OptionRow } from '../../config/options.js'
import { ATTRIBUTE_HELP } from '../../config/branches.js'
import { program } from '../program.js'
import { example, paragraph, section, terms, title } from './roff.js'

/** File name of a page and what is in it. */
export interface Page {
  readonly file: string
  readonly text: string
}

/** Every page. @param version of the package */
export function pages(version: string): Page[] {
  return [
    { file: 'tsaufs.1', text: commandsPage(version) },
    { file: 'tsaufs.5', text: optionsPage(version) },
    { file: 'mount.tsaufs.8', text: helperPage(version) },
  ].map(({ file, text }) => ({ file, text: `${text}\n` }))
}

/** The commands that help shows, those of commands that have some in their place. */
export function shownCommands(command: Command): Command[] {
  return command.createHelp().visibleCommands(command).filter((each) => each.name() !== 'help')
    .flatMap((each) => (each.commands.length === 0 ? [each] : shownCommands(each)))
}

/** `tsaufs system check`. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

function usageOf(command: Command): string {
  return `${pathOf(command)} ${command.usage().replace(/^\[options\]/, '[OPTIONS]')}`
}

function flagsOf(command: Command): string {
  return terms(command.options.map(({ flags, description }) => [flags, description]))
}

function commandsPage(version: string): string {
  const commands = shownCommands(program())
  return [
    title('tsaufs', 1, version),
    section('NAME', paragraph('tsaufs - a union file system in user space, and containers on it')),
    section('SYNOPSIS', ...commands.map((command) => paragraph(usageOf(command)))),
    section('DESCRIPTION', paragraph(
      'Several directories, the branches, are seen as one below a mount point. Changes go to a writable branch; files of '
      + 'read-only branches are copied up when they are first changed, and deletions leave whiteouts. tsaufs(5) describes '
      + 'branches and mount options.')),
    section('COMMANDS', ...commands.flatMap((command) => [
      `.SS "${usageOf(command).replace(/"/g, '')}"\n${paragraph(`${command.description()}.`)}`,
      ...(command.options.length > 0 ? [flagsOf(command)] : []),
    ])),
    section('EXIT STATUS', terms([
      ['0', 'done'], ['1', 'it failed'], ['2', 'the command line is wrong'], ['32', 'the mount could not be made'],
      ['125, 126, 127', 'run, exec: we failed; the program cannot be executed; there is no such program. Else its exit code, 128+n for signal n'],
    ])),
    section('ENVIRONMENT', terms([
      ['TSAUFS_ROOT', 'where containers are kept, instead of /var/lib/tsaufs or ~/.local/share/tsaufs'],
      ['TSAUFS_RUN_DIR', 'where the state of live mounts is kept, instead of /run/tsaufs or $XDG_RUNTIME_DIR/tsaufs'],
      ['TSAUFS_SPARE', 'seconds for which a mount, and a command about containers, leaves a process ready for the next one; 0: none'],
      ['TSAUFS_NODE', 'the node program'],
      ['DEBUG', 'tsaufs:fuse shows each request of a mount in the foreground'],
    ])),
    section('FILES', terms([['/run/tsaufs/si_*/', 'the state of a live mount: br0, br1, ..., mountpoint, pid, control.sock']])),
    section('EXAMPLES', example(
      'tsaufs mount -o dirs=./changes=rw:./original=ro none ./view', 'tsaufs explain ./view/file', 'tsaufs umount ./view')),
    section('SEE ALSO', paragraph('tsaufs(5), mount.tsaufs(8), mount(8), fusermount3(1)')),
  ].join('\n')
}

function named(row: OptionRow): string {
  return [row.name, ...(row.aliases ?? [])].map((name) => (row.argument === 'none' ? name : `${name}=`)).join(', ')
}

function rowsWith(status: OptionRow['status']): string {
  return terms(OPTION_ROWS.filter((row) => row.status === status).map((row) => {
    const text = status === 'implemented' ? row.help : row.note ?? row.help
    const fallback = row.fallback === undefined ? '' : ` (default: ${row.fallback})`
    return [named(row), `${text}${fallback}${typeof row.live === 'string' ? `; not while mounted: ${row.live}` : ''}`]
  }))
}

function optionsPage(version: string): string {
  return [
    title('tsaufs', 5, version),
    section('NAME', paragraph('tsaufs - branches and mount options of the union file system')),
    section('SYNOPSIS', paragraph('PATH[=rw|ro|rr[+ATTRIBUTE]...][:PATH...]')),
    section('BRANCHES',
      paragraph('Branches are listed from the top down. rw is writable; ro is not written; rr is not written by anybody, so '
        + 'that all that is known of it may be kept. Unless said otherwise the first one is rw, the others are ro, and those '
        + 'on file systems that cannot be written are rr. In paths \\, \\: \\= \\\\ stand for these characters, \\xHH and '
        + '\\OOO for any byte.'),
      terms(Object.entries(ATTRIBUTE_HELP).map(([name, help]) => [`+${name}`, help]))),
    section('OPTIONS', paragraph('They can change while mounted (tsaufs remount, mount -o remount,...), but for those that say why not.'),
      rowsWith('implemented')),
    section('OPTIONS TAKEN AND IGNORED', rowsWith('ignored')),
    section('OPTIONS REFUSED', rowsWith('refused')),
    section('SEE ALSO', paragraph('tsaufs(1), mount.tsaufs(8), fstab(5)')),
  ].join('\n')
}

function helperPage(version: string): string {
  return [
    title('mount.tsaufs', 8, version),
    section('NAME', paragraph('mount.tsaufs - mount a union of directories')),
    section('SYNOPSIS', paragraph('mount -t tsaufs [-sfnv] -o dirs=PATH[=PERM][:PATH...][,OPTION...] SOURCE MOUNTPOINT'),
      paragraph('mount.tsaufs SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS] [-t TYPE]')),
    section('DESCRIPTION', paragraph(
      'What mount(8) runs for file systems of the type tsaufs, and so for such lines of /etc/fstab. SOURCE is shown in '
      + '/proc/mounts and means nothing else. Options are those of tsaufs(5); words that speak to others (x-*, _netdev, '
      + 'noauto, nofail, user, comment=) are understood or passed over.')),
    section('OPTIONS', terms([
      ['-s', 'unknown mount options are a warning'], ['-f', 'everything but the mount'], ['-v', 'say what is done'],
      ['-n', 'nothing: there is no mtab'],
    ])),
    section('EXIT STATUS', paragraph('As mount(8): 0 done, 1 usage or permission, 2 command line, 32 mount failure.')),
    section('EXAMPLES', paragraph('A line of /etc/fstab:'), example(
      'none  /srv/view  tsaufs  dirs=/srv/changes=rw:/srv/original=ro,nofail,x-systemd.requires-mounts-for=/srv  0 0')),
    section('SEE ALSO', paragraph('tsaufs(1), tsaufs(5), mount(8), fstab(5)')),
  ].join('\n')
}
