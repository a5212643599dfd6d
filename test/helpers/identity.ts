/**
 * As whom scenarios and walks run. Root can everything; the others are told by SCENARIO_IDENTITY, and what the plain
 * directory itself cannot do for them says nothing about the union.
 */

/** `userns`: root of a user namespace. `user`: an ordinary user, who mounts through fusermount3. */
export type Identity = 'root' | 'userns' | 'user'

function fromEnvironment(): Identity {
  const word = process.env['SCENARIO_IDENTITY'] ?? 'root'
  if (word !== 'root' && word !== 'userns' && word !== 'user') {
    throw new Error(`SCENARIO_IDENTITY is root, userns or user, not ${word}`)
  }
  if ((process.geteuid?.() === 0) !== (word !== 'user')) throw new Error(`SCENARIO_IDENTITY=${word} as uid ${process.geteuid?.()}`)
  return word
}

export const identity: Identity = fromEnvironment()
