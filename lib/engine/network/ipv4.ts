/** Addresses of IPv4 as numbers, and subnets. */

export interface Subnet {
  /** Its first address. */
  readonly base: number
  /** Length of its prefix. */
  readonly bits: number
}

/** `10.0.0.1` as a number; undefined for anything else, leading zeros among it. */
export function parseIpv4(text: string): number | undefined {
  const [, ...parts] = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/.exec(text) ?? []
  if (parts.length < 4 || parts.some(part => Number(part) > 255)) return undefined
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}

/** A number as `10.0.0.1`. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.')
}

/** Addresses of a subnet. */
export function subnetSize({ bits }: Subnet): number {
  return 2 ** (32 - bits)
}

/** `10.1.2.3/16` as the subnet it lies in; undefined when it is none. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address, bits, ...more] = text.split('/')
  const number = parseIpv4(address!)
  if (number === undefined || bits === undefined || more.length > 0 || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined
  const size = 2 ** (32 - Number(bits))
  return { base: number - number % size, bits: Number(bits) }
}

/** Whether two subnets have an address in common. */
export function overlap(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + subnetSize(b) && b.base < a.base + subnetSize(a)
}
