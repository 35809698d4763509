import { barChart } from './chart.js';
import { html, type Markup, time } from './markup.js';
import type { ApplicationDetails, ApplicationReport } from './report.js';
import { countWords, durationWords, plural, shortDuration } from './words.js';

/** One Application with its last hours. */
export function applicationCard(one: ApplicationReport): Markup {
  const heading = `application-${one.id}`;
  return html`<li class="card"><article aria-labelledby="${heading}">
<h3 id="${heading}">${one.name} <span class="quiet">${one.id}</span></h3>
<p class="state ${one.tone}">${one.words}</p>
${one.progress && html`<progress max="100" value="${one.progress.percent}" aria-label="Progress of the back-fill">${one.progress.percent} %</progress>`}
${one.advice !== null && html`<p>${one.advice}</p>`}
<dl>
<dt>Complete until</dt><dd>${until(one)}</dd>
<dt>Owed</dt><dd>${owed(one)}</dd>
<dt>Quarantined</dt><dd>${quarantined(one)}</dd>
${one.details !== null && one.details.cycles.length > 0 && html`<dt>Requests</dt><dd>${requests(one.details)}</dd>`}
<dt>Last cycle</dt><dd>${one.lastCycleAt === null ? 'none yet' : time(one.lastCycleAt)}</dd>
</dl>
${one.details && details(one.details, heading)}
</article></li>`;
}

function until({ completeThrough, lagSeconds }: ApplicationReport): Markup {
  if (completeThrough === null || lagSeconds === null) return html`nothing yet`;
  return html`${time(completeThrough)} <span class="quiet">(${shortDuration(lagSeconds)} ago)</span>`;
}

function owed({ owedProfiles, owedSessions, owedAfterLastCycle: last }: ApplicationReport): string {
  if (owedProfiles === null || owedSessions === null)
    return last === null ? 'too many to count quickly' : `${countWords(last)} after the last cycle`;
  if (owedProfiles + owedSessions === 0) return 'nothing';
  return `${plural(owedProfiles, 'profile')}, ${plural(owedSessions, 'session')}`;
}

function quarantined({ quarantined: records }: ApplicationReport): Markup {
  if (records === null) return html`too many to count quickly`;
  if (records === 0) return html`nothing`;
  return html`${plural(records, 'record')}, with the reasons in <code>talon_one_quarantine</code>`;
}

function requests(details: ApplicationDetails): string {
  const all = details.requests.reduce((sum, one) => sum + one, 0);
  const lastHour = details.requests
    .slice(-Math.round(3600 / details.bucketSeconds))
    .reduce((sum, one) => sum + one, 0);
  return `${countWords(lastHour)} in the last hour, ${countWords(all)} in ${hours(details)}`;
}

function hours({ bucketSeconds, events }: ApplicationDetails): string {
  return durationWords(bucketSeconds * events.length);
}

function details(of: ApplicationDetails, heading: string): Markup {
  const period = hours(of);
  const events = of.events.reduce((sum, one) => sum + one, 0);
  const lags = of.lagSeconds.filter((lag): lag is number => lag !== null);
  const worst = Math.max(0, ...lags);
  const errors = `${heading}-errors`;
  if (of.cycles.length === 0) return html`<p class="quiet">Charts follow when its first cycle has ended.</p>`;
  return html`${barChart(of.lagSeconds, {
    title: 'Behind the present',
    summary:
      lags.length === 0
        ? `no cycle of the last ${period} reached the present`
        : `at most ${shortDuration(worst)} in the last ${period}, ${shortDuration(lags.at(-1) ?? 0)} lately`,
    top: lags.length === 0 ? 'no cycle reached it' : `at most ${shortDuration(worst)}`,
    from: `${period} ago`,
  })}
${barChart(of.events, {
  title: 'New events',
  summary: `${countWords(events)} in the last ${period}`,
  top: `${countWords(events)} in ${period}`,
  from: `${period} ago`,
})}
${
  of.errors.length > 0 &&
  html`<h4 id="${errors}">Last errors</h4>
<ul class="errors" aria-labelledby="${errors}">${of.errors.map(
    (error) =>
      html`<li>${time(error.at)}: ${error.text} <span class="quiet">cycle ${error.cycleId}</span></li>`,
  )}</ul>`
}
${
  of.cycles.length > 0 &&
  html`<details><summary id="${heading}-cycles">Last cycles</summary>
<div class="scroll" role="region" aria-labelledby="${heading}-cycles" tabindex="0"><table><thead><tr><th scope="col">Ended (UTC)</th><th scope="col">Outcome</th><th scope="col" class="number">Took</th><th scope="col" class="number">Events</th><th scope="col" class="number">Snapshots</th><th scope="col" class="number">Requests</th></tr></thead>
<tbody>${of.cycles.map(
    (cycle) =>
      html`<tr><td>${cycle.at.slice(11, 19)}</td><td>${cycle.outcome}</td><td class="number">${shortDuration(cycle.durationSeconds)}</td><td class="number">${countWords(cycle.events)}</td><td class="number">${countWords(cycle.snapshots)}</td><td class="number">${countWords(cycle.requests)}</td></tr>`,
  )}</tbody></table></div></details>`
}`;
}
