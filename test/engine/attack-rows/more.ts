/** Attacks that need more than one run of a program: what came of them. harden.test.ts and hostile.test.ts make them. */
import { all, type Verdicts } from './row.js'

export const MORE = {
  exeLoop: { point: 1, name: 'every /proc/PID/exe written while programs are started in it', tsaufs: 'closed', runc: '', crun: '' },
  execDirectory: { point: 5, name: 'exec: working directory /proc/self/fd/7, and a link to it', ...all('refused') },
  execRace: { point: 5, name: 'exec: a working directory that becomes a link to a descriptor meanwhile', ...all('never outside') },
  killed: { point: 8, name: 'the launcher killed half-way', ...all('no mount stays') },
  mountRace: { point: 11, name: 'a directory on the way to a mount becomes a link while containers start', tsaufs: 'untouched', runc: 'untouched', crun: 'untouched' },
  users: { point: 22, name: 'names looked up in a passwd with huge lines, numbers below 0 and above 2^31, a link out, a fifo', tsaufs: 'as if not there', runc: '', crun: '' },
  ordinary: { point: 22, name: 'setgroups of an ordinary user\'s container', tsaufs: 'denied', runc: '', crun: '' },
  output: { point: 23, name: 'output, names of files and processes, labels that attack a terminal, lines and JSON', tsaufs: 'shown as \\xHH', runc: '', crun: '' },
  removal: { point: 24, name: 'removal: processes in sessions of their own, without a pid namespace', ...all('all gone') },
  nodes: { point: 18, name: 'no device group can be had: nodes that the image and a volume bring', tsaufs: 'not opened', runc: '', crun: '' },
  deep: { point: 23, name: 'a tree nested deeper than paths are long: started again, copied, removed', tsaufs: 'ENAMETOOLONG, and gone', runc: '', crun: '' },
  ids: { point: 26, name: 'ids and names with ../, slashes and control characters', tsaufs: 'refused', runc: 'refused', crun: 'one of them is a path' },
  abstract: { point: 27, name: 'an abstract socket of the host', ...all('ECONNREFUSED') },
} satisfies Record<string, Verdicts>
