/**
 * Whether a host name, as `URL.hostname` has it, can only be this machine. Names below .localhost are not trusted: what
 * they resolve to is up to the resolver (musl, in the container image, asks DNS).
 */
export function isLoopbackHost(hostname: string): boolean {
  return /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/i.test(hostname);
}
