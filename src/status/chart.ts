import { html, Markup } from './markup.js';

const WIDTH = 360;
const HEIGHT = 64;
const GAP = 2;

export interface ChartOptions {
  /** Heading, and name for those who cannot see it. */
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly summary: string;
  /** What stands at the top of the scale. */
  readonly top: string;
  readonly from: string;
}

/** Bars over time, the oldest on the left; null leaves a gap. */
export function barChart(values: readonly (number | null)[], options: ChartOptions): Markup {
  const most = Math.max(...values.map((value) => value ?? 0), Number.MIN_VALUE);
  const step = WIDTH / values.length;
  const bars = values.map((value, index) => {
    if (value === null || value <= 0) return '';
    const height = Math.max(1.5, (value / most) * HEIGHT);
    const [x, y] = [index * step, HEIGHT - height].map((number) => number.toFixed(1));
    return `<rect x="${x}" y="${y}" width="${(step - GAP).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  });
  return html`<figure class="chart">
<figcaption>${options.title} <span class="quiet">${options.top}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 2}" role="img" aria-label="${options.title}: ${options.summary}" preserveAspectRatio="none">${new Markup(bars.join(''))}<line x1="0" x2="${WIDTH}" y1="${HEIGHT + 1}" y2="${HEIGHT + 1}"/></svg>
<p class="axis quiet"><span>${options.from}</span><span>now</span></p>
</figure>`;
}
