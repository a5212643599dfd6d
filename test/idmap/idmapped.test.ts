/** A copy of the mount with ids mapped by the kernel (mount_setattr(2)), beside one of the directory's own file system. */
import t from 'tap'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../helpers/steps.js'
import { unmountAt } from '../scenario/subjects/subject.js'
import { bedFor, owners, sh, UNAVAILABLE, type Bed } from './bed.js'

const PROGRAM = join(repositoryRoot(), 'test/idmap/idmapped.py')

/** `$plain` is the file system as it is, the working directory the mapped copy: 0 is 10000 there. */
const STEPS = `
stat -c '%n %u:%g' f d d/g; ls -ln d | awk 'NF > 2 { print $3, $4 }'
chown 10007:10008 f; stat -c '%n %u:%g' f $plain/f; chown 7 f
setpriv --reuid 10003 --regid 10004 --clear-groups sh -c '
  echo x >open/file; mkdir open/dir; ln -s x open/link; mkfifo open/pipe; ln open/file open/again; mv open/again open/moved; cat private; echo more >>open/file'
setpriv --reuid 3 --regid 4 --clear-groups sh -c 'cat private; echo x >open/unmapped; mkdir open/unmapped'
setpriv --reuid 3 --regid 4 --clear-groups sh -c "cat $plain/private; echo y >>$plain/private"
mkdir $plain/open/below; echo x >$plain/open/below/f; ls -ln open/below | awk 'NF > 2 { print $3, $4 }'
python3 -c 'import os; os.close(os.open("open", os.O_TMPFILE | os.O_RDWR))' 2>&1 | tail -1
setfacl -m u:10005:rw f && getfacl -cn f | grep u.*: ; getfacl -cn $plain/f | grep u.*:
setfattr -n trusted.x -v y f; getfattr -m trusted.x f; setpriv --reuid 10003 --clear-groups --regid 10004 getfattr -m trusted.x f
rm d/g; rmdir d; ls d`

async function runOn(bed: Bed, plain: string): Promise<unknown> {
  const mapped = bed.at('mapped')
  mkdirSync(mapped)
  const made = sh(`python3 ${PROGRAM} ${plain} ${mapped} 0:10000:1000`, bed.path)
  if (made.length > 0) throw new Error(made.join('; '))
  try {
    return { printed: sh(`plain=${plain}${STEPS}`, mapped).map((line) => line.replaceAll(plain, 'PLAIN')), mapped: owners(mapped), plain: owners(plain) }
  } finally {
    await unmountAt(mapped)
  }
}

const TREE = 'echo x >f; chown 5:6 f; mkdir d open; echo g >d/g; chown 2:2 d d/g; chmod 777 open; echo private >private; chmod 600 private; chown 3:4 private'

await t.test('as the same on the file system below', { skip: UNAVAILABLE }, async (t) => {
  for (const options of ['io=cached,udba=none', 'io=cached,udba=reval', 'io=passthrough,udba=none']) {
    const plain = bedFor(t)
    t.same(sh(`set -e; ${TREE}`, plain.at('L')), [])
    const bed = bedFor(t)
    t.same(sh(`set -e; ${TREE}`, bed.at('L')), [])
    await bed.tsaufs(options)
    t.same(await runOn(bed, bed.at('mnt')), await runOn(plain, plain.at('L')), options)
    t.same(await bed.unmount(), [])
    t.match(owners(bed.at('R')).join('\n'), /^f f 7:8 .*\n(.*\n)*open\/dir d 3:4/, 'the branch has the ids of the file system')
  }
})

await t.test('together with a map of our own', { skip: UNAVAILABLE }, async (t) => {
  const bed = bedFor(t)
  t.same(sh(TREE, bed.at('L')), [])
  await bed.tsaufs('uidmapping=0:100:1000,gidmapping=0:100:1000')
  mkdirSync(bed.at('mapped'))
  t.same(sh(`python3 ${PROGRAM} mnt mapped 100:20000:1000`, bed.path), [])
  t.same(sh('setpriv --reuid 20003 --regid 20004 --clear-groups sh -c "echo x >open/new"; stat -c %u:%g f open/new', bed.at('mapped')), ['20005:20006', '20003:20004'])
  t.same(await unmountAt(bed.at('mapped')), [])
  t.same(await bed.unmount(), [])
  t.match(owners(bed.at('R')), ['open d 0:0 777', 'open/new f 3:4 644'])
})
