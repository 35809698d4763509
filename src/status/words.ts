// Figures as people say them.

/** "less than a minute", "35 min", "2 h", "3 days" */
export function durationWords(seconds: number): string {
  if (seconds < 60) return 'less than a minute';
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** As `durationWords`, with seconds where they matter: "12 s". */
export function shortDuration(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  return rounded < 60 ? `${rounded} s` : durationWords(rounded);
}

/** "12,345" */
export function countWords(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** "1 session", "2 sessions" */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countWords(count)} ${count === 1 ? one : many}`;
}

/** "2026-01-31T12:00:00Z" as "2026-01-31 12:00:00 UTC" */
export function momentWords(moment: string): string {
  return moment.replace('T', ' ').replace(/Z$/, ' UTC');
}

/** Seconds since 1970 as RFC 3339 with whole seconds, UTC. */
export function momentText(seconds: number): string {
  return `${new Date(Math.floor(seconds) * 1000).toISOString().slice(0, 19)}Z`;
}
