/** Device numbers as glibc encodes them in st_rdev. Source: makedev(3). */

/** gnu_dev_major. */
export function major(rdev: number): number {
  const value = BigInt(rdev)
  return Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn))
}

/** gnu_dev_minor. */
export function minor(rdev: number): number {
  const value = BigInt(rdev)
  return Number((value & 0xffn) | ((value >> 12n) & 0xffffff00n))
}
