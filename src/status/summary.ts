import type { ReplicaFacts, Standings } from '../warehouse/status.js';
import type { StatusSettings, Tone } from './application-state.js';
import { causeOf } from './public-error.js';
import type { ApplicationReport, JobReport, StatusReport } from './report.js';
import { isAlive, type Running } from './running.js';
import { countWords, durationWords, momentWords, plural } from './words.js';

export interface SummaryInput {
  readonly standings: Standings;
  readonly settings: StatusSettings;
  readonly running: Running;
  readonly applications: readonly ApplicationReport[];
  readonly jobs: readonly JobReport[];
}

export type Summary = Pick<StatusReport, 'tone' | 'headline' | 'why' | 'completeThrough'>;

/** The one sentence a person looks for, and the next ones: is the data complete, until when, and if not why. */
export function summaryOf(input: SummaryInput): Summary {
  const { running } = input;
  const applications = input.applications.filter(({ isWanted }) => isWanted);
  const trouble = processTrouble(input);
  if (applications.length === 0) return nothingKnown(input, trouble);
  const moments = applications.map(({ completeThrough }) => completeThrough);
  const known = moments.filter((moment): moment is string => moment !== null).sort();
  const completeThrough = known.length === moments.length ? (known[0] ?? null) : null;
  const lacking = applications.filter(({ tone }) => tone !== 'good');
  const [worst] = lacking;
  const except = exceptionsOf(input);
  if (worst || trouble !== undefined) {
    const until =
      completeThrough === null ? 'not complete yet' : `complete only until ${momentWords(completeThrough)}`;
    const isStopped = running.kind === 'stopped';
    return {
      tone: trouble !== undefined || isStopped || except.tone === 'bad' ? 'bad' : (worst?.tone ?? 'bad'),
      headline: isStopped ? `Nothing runs: data is ${until}` : `Data is ${until}`,
      why: [trouble, worst && lackingWords(lacking, worst, applications.length), ...except.sentences]
        .filter((one) => one !== undefined)
        .join(' '),
      completeThrough,
    };
  }
  const until = momentWords(completeThrough ?? '');
  const newer =
    running.kind === 'once'
      ? `As of the last "once", ${durationWords(input.standings.now - running.lastAt)} ago.`
      : 'Newer events follow with the next cycles.';
  return {
    tone: except.tone,
    headline:
      completeThrough === null
        ? `Up to date${except.words}`
        : except.words === ''
          ? `All data is complete until ${until}`
          : `Events, profiles and sessions are complete until ${until}${except.words}`,
    why: [newer, ...except.sentences].join(' '),
    completeThrough,
  };
}

function lackingWords(
  lacking: readonly ApplicationReport[],
  { name, words }: ApplicationReport,
  applications: number,
): string {
  return applications === 1
    ? `${name}: ${words}.`
    : `${countWords(lacking.length)} of ${countWords(applications)} Applications ${lacking.length === 1 ? 'is' : 'are'} not up to date. The worst is ${name}: ${words}.`;
}

/** Why a process that runs could not list the Applications, or the last `once` failed. */
function processTrouble({ standings, settings, running }: SummaryInput): string | undefined {
  if (running.kind === 'once' && running.trouble !== null)
    return `The last "once" failed: ${causeOf(running.trouble, settings.scrub).text}. Its last log lines say more.`;
  const inTrouble = liveReplicas(standings, settings).find(({ trouble }) => trouble !== null);
  if (!inTrouble) return undefined;
  const { text } = causeOf(inTrouble.trouble ?? '', settings.scrub);
  const advice = /with 40[13]$/.test(text)
    ? 'Talon.One refuses the key: it may have expired, belong to another environment, or lack this endpoint. "talon-one-sync check" tells which.'
    : 'It is tried again by itself.';
  return `The Applications could not be listed: ${text}. ${advice}`;
}

function liveReplicas({ replicas, now }: Standings, settings: StatusSettings): ReplicaFacts[] {
  return replicas.filter(({ seenAt }) => isAlive(seenAt, now, settings));
}

function nothingKnown({ standings, settings, running }: SummaryInput, trouble: string | undefined): Summary {
  const none = { completeThrough: null } as const;
  if (trouble !== undefined)
    return { ...none, tone: 'bad', headline: 'Nothing is copied: no Application is known', why: trouble };
  if (running.kind !== 'daemon')
    return {
      ...none,
      tone: 'busy',
      headline: 'No Application is known yet',
      why:
        running.kind === 'once'
          ? 'The last "once" did not come to list them: its last log line says why.'
          : 'No daemon has been running with this database.',
    };
  const sees = liveReplicas(standings, settings).map(({ applications }) => applications);
  if (sees.length > 0 && sees.every((count) => count === 0))
    return {
      ...none,
      tone: 'bad',
      headline: 'The key can see no Application',
      why: 'Give it access to the Applications that are to be copied, or use another key (TALON_ONE_API_KEY).',
    };
  return {
    ...none,
    tone: 'busy',
    headline: 'No Application is known yet',
    why: 'The daemon has not listed the Applications yet.',
  };
}

interface Exceptions {
  readonly tone: Tone;
  /** For the headline: ", except 4 quarantined records; 3 jobs fail"; empty when there are none. */
  readonly words: string;
  readonly sentences: readonly string[];
}

/** What is missing beside the events: records that were put aside, and jobs that do not go well. */
function exceptionsOf({ standings, jobs }: SummaryInput): Exceptions {
  const { applications, quarantined, jobCounts } = standings;
  const ids = ['0', ...applications.filter(({ isWanted }) => isWanted).map(({ id }) => id)];
  const records = ids.reduce((sum, id) => sum + (quarantined?.get(id) ?? 0), 0);
  const count = (status: string) => jobCounts.get(status) ?? 0;
  const [failing, revoked, behind, refused] = ['failing', 'revoked', 'behind', 'unauthorised'].map(count) as [
    number,
    number,
    number,
    number,
  ];
  const bad = failing + revoked;
  const parts = [
    ...(records > 0 ? [`, except ${plural(records, 'quarantined record')}`] : []),
    ...(bad > 0 ? [`; ${plural(bad, 'job fails', 'jobs fail')}`] : []),
    ...(behind > 0 ? [`; ${plural(behind, 'job is', 'jobs are')} still reading`] : []),
    ...(refused > 0 ? [`; the key may not do ${plural(refused, 'job')}`] : []),
  ];
  const worst = jobs.find(({ tone }) => tone === 'bad');
  const sentences = [
    ...(records > 0 ? ['talon_one_quarantine has the records, with the reasons.'] : []),
    ...(quarantined === undefined ? ['Quarantined records took too long to count.'] : []),
    ...(worst ? [`${worst.job}: ${worst.words}.`] : []),
  ];
  const isBad = jobs.some(({ tone }) => tone === 'bad');
  return {
    tone: isBad ? 'bad' : records > 0 || bad + behind > 0 ? 'busy' : 'good',
    words: parts.join(''),
    sentences,
  };
}
