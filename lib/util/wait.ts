/**
 * Thrown by an operation, before it has changed anything, when it needs work that another thread does (the data of a
 * copy-up). The session keeps the request, serves others, and runs the operation again from its beginning when `done`
 * is fulfilled; when it is rejected with an Errno, that is the answer. An operation is a function of the request and of
 * the tree as it then is, so running it again is always right. This is the only place where requests interleave.
 */
export class Wait {
  readonly done: Promise<void>
  constructor(done: Promise<void>) {
    this.done = done
  }
}
