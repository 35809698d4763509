import type { Page } from 'playwright-core';

// What is asked of the page in the browser. The functions given to `evaluate` run there; Node's types know no DOM.

/** Every visible text whose contrast to what is behind it is below `least` (WCAG 2.2, 1.4.3), with its ratio. */
export function lowContrast(page: Page, least: number): Promise<string[]> {
  return page.evaluate(`(() => {
    const channels = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const luminance = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((one) => one / 255).map((one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = channels(getComputedStyle(at).backgroundColor);
        if (color.length === 3 || color[3] > 0) return color;
      }
      return [255, 255, 255];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const low = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.textContent.trim() || !element.checkVisibility()) continue;
      const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < ${least}) low.push(ratio.toFixed(2) + ' ' + node.textContent.trim().slice(0, 60));
    }
    return low;
  })()`);
}

/** How far the page can be scrolled sideways, in pixels. */
export function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

const FOCUSABLE = `[...document.querySelectorAll('a[href], summary, [tabindex="0"], button, input')].filter((one) => one.checkVisibility())`;

export interface Focused {
  readonly expected: number;
  /** Places in the order of the document that Tab came to, each with a visible outline. */
  readonly visited: readonly number[];
}

/** Goes through the page with Tab. */
export async function tabThrough(page: Page): Promise<Focused> {
  const expected = (await page.evaluate(`${FOCUSABLE}.length`)) as number;
  const visited: number[] = [];
  for (let step = 0; step < expected; step += 1) {
    await page.keyboard.press('Tab');
    visited.push(
      (await page.evaluate(`(() => {
        const style = getComputedStyle(document.activeElement);
        const isSeen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
        return isSeen ? ${FOCUSABLE}.indexOf(document.activeElement) : -1;
      })()`)) as number,
    );
  }
  return { expected, visited };
}
