/**
 * Layers that overlayfs has written with metacopy=on: with metacopy=follow they show what they show there, can be written, and
 * go on under overlayfs.
 */
import t, { type Test } from 'tap'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'

const OPTIONS = 'metacopy=on,redirect_dir=on,index=off'
/** Attributes and data of everything in `dir`. */
const SHOW = "cd $dir && find . -type f | sort | while read f; do echo $f $(stat -c '%a %u %s' $f) $(md5sum <$f); done"

/** The lower branch, and an upper one on which most copies have no data. null if overlayfs cannot do that here. */
function made(t: Test): Sandbox | null {
  const box = new Sandbox(t)
  const script = `set -e; mkdir -p l/d/e up work o
    for f in l/plain l/moved l/d/in l/d/e/deep l/away l/cut; do echo data of $f >$f; done; head -c 700000 /dev/urandom >l/big
    mount -t overlay overlay -o lowerdir=l,upperdir=up,workdir=work,${OPTIONS} o
    chmod 600 o/plain; chown 7 o/moved o/away o/big o/cut o/d/in; mv o/moved o/other; mv o/away o/d/e/here; chmod 640 o/d/e/deep; mv o/d o/renamed; umount o
    getfattr -n trusted.overlay.metacopy up/plain up/other up/big up/renamed/e/here`
  return box.sh(`(${script}) 2>&1`).exit === 0 ? box : null
}

const show = (box: Sandbox, dir: string): string => box.sh(`dir=${dir}; ${SHOW} 2>&1`).stdout

/** What overlayfs shows of the two. */
function shownByKernel(box: Sandbox, upper: string): string {
  box.sh(`mount -t overlay overlay -o lowerdir=l,upperdir=${upper},workdir=work,${OPTIONS} o`)
  const seen = show(box, 'o')
  box.sh('umount o')
  return seen
}

t.test('layers with copies of attributes alone', { skip: NEEDS_ROOT }, (t) => {
  const box = made(t)
  if (box === null) {
    t.comment('overlayfs has no metacopy here')
    t.end()
    return
  }
  const expected = shownByKernel(box, 'up')
  const mounted = (options: string, use: () => void): void => {
    box.mount(t, '-o', `${options},nowarn_perm`, 'none', 'mnt')
    use()
    t.equal(box.run('umount', 'mnt').exit, 0)
  }
  mounted('dirs=up=ro+wh+fmt=overlay:l=ro,ro', () => {
    t.match(box.sh('cat mnt/plain 2>&1').stdout, /Input\/output error/, 'refused unless told')
    t.equal(box.run('remount', '-o', 'metacopy=follow', 'mnt').exit, 0)
    t.equal(show(box, 'mnt'), expected, 'as overlayfs shows it')
  })
  mounted('dirs=a=rw:up=ro+wh+fmt=overlay:l=ro,metacopy=on', () => {
    t.equal(show(box, 'mnt'), expected, 'below a writable branch')
    t.equal(box.sh('echo more >>mnt/plain; echo more >>mnt/big; echo more >>mnt/renamed/e/here; cat mnt/plain mnt/renamed/e/here; getfattr -dm overlay a/plain').stdout, 'data of l/plain\nmore\ndata of l/away\nmore\n', 'copied up with their data')
    t.match(box.run('diff', 'mnt').stdout, /^C \/big\nC \/plain\nC \/renamed\/e\/here\n/m)
  })
  box.sh('cp -a up up2')
  mounted('dirs=up2=rw+fmt=overlay:l=ro', () => {
    t.match(box.sh('mv mnt/plain mnt/lost 2>&1; cat up2/plain >/dev/null && echo kept').stdout, /Input\/output error\nkept/, 'never parted from its data')
  })
  mounted('dirs=up2=rw+fmt=overlay:l=ro,metacopy=follow', () => {
    t.equal(show(box, 'mnt'), expected, 'on the writable branch')
    box.sh('mv mnt/plain mnt/elsewhere; echo more >>mnt/big; echo more >>mnt/other; chmod 444 mnt/renamed/in; truncate -s 4 mnt/cut')
    t.equal(box.sh('cat mnt/elsewhere mnt/other mnt/renamed/in mnt/cut; stat -c %u mnt/cut').stdout, 'data of l/plain\ndata of l/moved\nmore\ndata of l/d/in\ndata7\n')
    const after = show(box, 'mnt')
    t.equal(box.run('umount', 'mnt').exit, 0)
    t.equal(shownByKernel(box, 'up2'), after, 'and overlayfs goes on with it')
    box.mount(t, '-o', 'dirs=up2=rw+fmt=overlay:l=ro,metacopy=follow,nowarn_perm', 'none', 'mnt')
  })
  t.match(box.run('check', '--json', 'up=ro+wh+fmt=overlay', 'l').stdout, /"metacopy"/)
  t.end()
})
