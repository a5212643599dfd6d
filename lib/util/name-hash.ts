/** The one hash of names: the order of listings (decision 3) and the place in maps. */

let lastName = ''
let lastHash = hash('')

function hash(name: string): number {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    a = Math.imul(a ^ c, 0x01000193)
    b = Math.imul(b + c, 0x85ebca6b) ^ (b >>> 15)
  }
  return ((a ^ (a >>> 15)) & 0x7ffff) * 0x100000000 + (b >>> 0)
}

/** A name is about to be looked for of which the hash is known. */
export function rememberHash(name: string, itsHash: number): void {
  lastName = name
  lastHash = itsHash
}

/** 51 bits, the same on every machine and in every version. A request asks several times for its name's. */
export function nameHash(name: string): number {
  if (name !== lastName) {
    lastHash = hash(name)
    lastName = name
  }
  return lastHash
}
