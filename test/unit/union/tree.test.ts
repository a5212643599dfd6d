import t from 'tap'
import { S_IFREG } from '../../../lib/os/stat.js'
import { DirNode, Node } from '../../../lib/union/node.js'
import { ROOT_ID, Tree } from '../../../lib/union/tree.js'

function plant(): { tree: Tree; root: DirNode; dropped: Node[] } {
  const dropped: Node[] = []
  const root = new DirNode(2, null, '', [0])
  return { tree: new Tree(root, node => { dropped.push(node) }), root, dropped }
}

function file(tree: Tree, dir: DirNode, name: string): Node {
  const node = new Node(S_IFREG, 10, dir, name, 0)
  tree.add(node)
  node.lookups = 1
  return node
}

t.test('a node goes when the kernel has forgotten it, and its number comes back with another generation', t => {
  const { tree, root, dropped } = plant()
  const first = file(tree, root, 'a')
  first.lookups = 3
  tree.forget(first.id, 2)
  t.equal(tree.node(first.id), first)
  tree.forget(first.id, 1)
  t.same(dropped, [first])
  t.throws(() => tree.node(first.id), { code: 'ESTALE' })
  t.notOk(root.children.has('a'))
  const generation = tree.generation(first.id)
  const second = file(tree, root, 'b')
  t.equal(second.id, first.id)
  t.equal(tree.generation(second.id), generation + 1)
  t.end()
})

t.test('a directory stays while a child needs it; the root always', t => {
  const { tree, root, dropped } = plant()
  const dir = new DirNode(3, root, 'd', [0])
  tree.add(dir)
  dir.lookups = 1
  const child = file(tree, dir, 'x')
  tree.forget(dir.id, 1)
  t.equal(dropped.length, 0)
  tree.forget(child.id, 1)
  t.same(dropped, [child, dir])
  tree.forget(ROOT_ID, 1000)
  t.equal(tree.root, root)
  t.equal(tree.size, 1)
  t.end()
})

t.test('names: the second takes over when the first goes; the last leaves a nameless node', t => {
  const { tree, root } = plant()
  const node = file(tree, root, 'a')
  tree.link(node, root, 'b')
  t.equal(tree.unlink(node, root, 'a'), false)
  t.equal(node.name, 'b')
  t.equal(tree.unlink(node, root, 'b'), true)
  t.equal(node.parent, null)
  t.equal(tree.node(node.id), node, 'still known to the kernel')
  tree.link(node, root, 'c')
  t.equal(node.name, 'c', 'as linkat(2) gives an O_TMPFILE file its first name')
  t.end()
})

t.test('moving a name, the first and another', t => {
  const { tree, root } = plant()
  const dir = new DirNode(3, root, 'd', [0])
  tree.add(dir)
  const node = file(tree, root, 'a')
  tree.link(node, root, 'b')
  tree.move(node, root, 'b', dir, 'y')
  tree.move(node, root, 'a', dir, 'x')
  t.same([dir.children.get('x'), dir.children.get('y'), dir.children.size], [node, node, 2])
  t.same([root.children.get('d'), root.children.size], [dir, 1])
  t.equal(node.name, 'x')
  t.match(node.aliases, [{ name: 'y' }])
  t.end()
})

t.test('numbers that are no node', t => {
  const { tree } = plant()
  for (const id of [0, 2, 2 ** 40, Number.NaN]) t.throws(() => tree.node(id), { code: 'ESTALE' })
  tree.forget(99, 1)
  t.throws(() => tree.dir(file(tree, tree.root, 'f').id), { code: 'ENOTDIR' })
  t.end()
})
