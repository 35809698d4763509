import { createHash } from 'node:crypto';
import { applicationCard } from './application-card.js';
import { html, Markup, time } from './markup.js';
import type { ApplicationReport, StatusReport } from './report.js';
import { STYLE } from './style.js';
import { rateWords } from './time-left.js';
import { countWords, momentWords, plural, shortDuration } from './words.js';

/** Seconds after which the page asks for itself again. */
const REFRESH = 30;
/** Rows of the table below the cards: a page of a thousand is still quick to read through with the keyboard. */
const MOST_ROWS = 1_000;

/** Nothing may be loaded, run, framed or sent; the style is known by its hash. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The status page, whole.
 * @param refreshes whether it asks for itself again
 */
export function statusPage(report: StatusReport, refreshes: boolean): string {
  const cards = report.applications.filter(({ details }) => details !== null);
  const rest = report.applications.filter(({ details }) => details === null);
  return frame(
    report.headline,
    refreshes,
    html`<header>
<h1>talon-one-sync</h1>
<p class="verdict ${report.tone}" role="status">${report.headline}</p>
<p>${report.why}</p>
<p class="quiet">Complete means: every event that Talon.One had recorded until then, and every profile and session it touched, is in the tables. As of ${time(report.at)}. ${refreshLink(refreshes)}</p>
</header>
<main id="content">
${
  cards.length > 0 &&
  html`<h2 id="applications">Applications</h2>
<ul class="cards" aria-labelledby="applications">${cards.map((one) => applicationCard(one))}</ul>`
}
${rest.length > 0 && restTable(rest, cards.length)}
${jobs(report)}
${budget(report)}
${replicas(report)}
</main>
<footer class="quiet"><p>talon-one-sync ${report.version} · <a href="/status.json">status.json</a> · <a href="/metrics">metrics</a> · <a href="/readyz">readyz</a></p></footer>`,
  );
}

/** What is shown while there is nothing to draw a report from. */
export function troublePage(why: string): string {
  return frame(
    'Status unknown',
    true,
    html`<header><h1>talon-one-sync</h1>
<p class="verdict bad" role="status">Status unknown</p><p>${why}</p></header>
<main id="content"><p class="quiet">This page is drawn from Postgres, and comes back with it. <a href="/readyz">readyz</a> says why the daemon is not ready.</p></main>`,
  );
}

function frame(title: string, refreshes: boolean, body: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refreshes && html`<meta http-equiv="refresh" content="${REFRESH}">`}
<title>${title} · talon-one-sync</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the Applications</a>
${body}
</body>
</html>
`.text;
}

function refreshLink(refreshes: boolean): Markup {
  return refreshes
    ? html`Refreshes every ${REFRESH} seconds: <a href="/?refresh=off">stop</a>.`
    : html`Does not refresh: <a href="/">refresh every ${REFRESH} seconds</a>.`;
}

function restTable(rest: readonly ApplicationReport[], cards: number): Markup {
  const shown = rest.slice(0, MOST_ROWS);
  return html`<h2 id="rest">${cards === 0 ? 'Applications' : 'The other Applications'}</h2>
${scroll(
  'rest',
  html`<table><thead><tr><th scope="col">Application</th><th scope="col">State</th><th scope="col">Complete until</th><th scope="col" class="number">Behind</th><th scope="col" class="number">Owed</th><th scope="col" class="number">Quarantined</th></tr></thead>
<tbody>${shown.map(
    (one) =>
      html`<tr><th scope="row">${one.name} <span class="quiet">${one.id}</span></th><td class="${one.tone}">${one.words}</td><td>${one.completeThrough === null ? 'not yet' : time(one.completeThrough)}</td><td class="number">${one.lagSeconds === null ? '–' : shortDuration(one.lagSeconds)}</td><td class="number">${one.owedProfiles === null ? '?' : countWords(one.owedProfiles + (one.owedSessions ?? 0))}</td><td class="number">${one.quarantined === null ? '?' : countWords(one.quarantined)}</td></tr>`,
  )}</tbody></table>`,
)}
${rest.length > shown.length && html`<p>${countWords(rest.length - shown.length)} more are in <a href="/status.json">status.json</a>.</p>`}`;
}

function jobs({ jobs: { counts, worst }, quarantinedElsewhere: records }: StatusReport): Markup | false {
  const kinds = Object.entries(counts);
  if (kinds.length === 0 && records === 0) return false;
  const summary = kinds.map(([status, count]) => `${countWords(count)} ${status}`).join(', ');
  return html`<h2 id="jobs">Loyalty, reference data and other jobs</h2>
${kinds.length > 0 && html`<p>${summary}.</p>`}
${records !== 0 && html`<p>Quarantined: ${records === null ? 'too many to count quickly' : html`<span class="busy">${plural(records, 'record')}</span>, with the reasons in <code>talon_one_quarantine</code>`}.</p>`}
${
  worst.length > 0 &&
  html`<ul class="errors">${worst.map(
    (one) =>
      html`<li><code>${one.job}</code>: <span class="${one.tone}">${one.words}</span>${one.lastFinishedAt !== null && `, last finished ${momentWords(one.lastFinishedAt)}`}</li>`,
  )}</ul>`
}`;
}

function budget({ budget: slots, granted, requestsPerSecond }: StatusReport): Markup | false {
  if (requestsPerSecond === 0) return html`<h2 id="budget">Request budget</h2><p>Unlimited.</p>`;
  if (slots.length === 0 && granted.length === 0) return false;
  return html`<h2 id="budget">Request budget</h2>
<p>${requestsPerSecond} a second, counted over all processes with the same key.${slots.length > 0 && ' In use at this moment, of the endpoints that were used within a minute:'}</p>
${
  slots.length > 0 &&
  scroll(
    'budget',
    html`<table><thead><tr><th scope="col" class="number">In use</th><th scope="col">Endpoint</th></tr></thead><tbody>${slots.map(
      (one) =>
        html`<tr><td class="number">${one.busy} of ${one.slots}</td><th scope="row" class="wrap"><code>${endpointName(one.endpoint)}</code></th></tr>`,
    )}</tbody></table>`,
  )
}
${
  granted.length > 0 &&
  html`<p class="busy">The API grants less than that (it answers 429), probably because another program uses the same key:</p>
<ul class="errors">${granted.map(
    (one) => html`<li>${rateWords(one.requestsPerSecond)}: <code>${endpointName(one.endpoint)}</code></li>`,
  )}</ul>`
}`;
}

function endpointName(endpoint: string): string {
  return endpoint === '*' ? 'all of them' : endpoint;
}

function replicas({ replicas: all }: StatusReport): Markup | false {
  if (all.length === 0) return false;
  return html`<h2 id="replicas">Processes</h2>
${scroll(
  'replicas',
  html`<table><thead><tr><th scope="col">Process</th><th scope="col">Version</th><th scope="col">Started</th><th scope="col">Seen</th></tr></thead><tbody>${all.map(
    (one) =>
      html`<tr><th scope="row"><code>${one.owner}</code></th><td>${one.version}</td><td>${time(one.startedAt)}</td><td class="${one.isAlive ? 'good' : 'bad'}">${time(one.seenAt)}${!one.isAlive && ' (gone)'}</td></tr>`,
  )}</tbody></table>`,
)}`;
}

/** Wide content scrolls by itself, also with the keyboard, and never the page. */
export function scroll(labelledBy: string, content: Markup): Markup {
  return html`<div class="scroll" role="region" aria-labelledby="${labelledBy}" tabindex="0">${content}</div>`;
}
