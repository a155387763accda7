// The parts of an answer that are tables and times.
import type { BackoffStep } from 'kubepull/backoff';
import type { DialectRow, ReleaseColumn } from './compare.ts';
import { el } from './dom.ts';
import type { ImageView } from './model.ts';
import { formatShort, formatTime } from './words.ts';

/** Events and states, as kubectl shows them. */
export function renderDescription({ description }: ImageView): readonly Node[] {
  if (description === undefined) return [el('p', { class: 'note' }, 'Kubelet cannot be asked for this container.')];
  const { events, states, isOpen } = description;
  return [
    el(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Events' },
      el(
        'table',
        { class: 'events' },
        el(
          'thead',
          {},
          el(
            'tr',
            {},
            ['Type', 'Reason', 'Message'].map((name) => el('th', { scope: 'col' }, name)),
          ),
        ),
        el(
          'tbody',
          {},
          events.map(({ type, reason, message }) =>
            el(
              'tr',
              { class: type.toLowerCase(), 'data-field': 'event' },
              el('td', {}, type),
              el('td', {}, reason),
              el('td', {}, message),
            ),
          ),
        ),
      ),
    ),
    ...(isOpen
      ? [el('p', { class: 'note' }, 'What follows depends on the registry. Paste what the node said to see it here.')]
      : []),
    ...(states.length === 0
      ? []
      : [
          el('h4', {}, 'State of the container'),
          el(
            'ol',
            { class: 'states' },
            states.map(({ reason, message }) =>
              el(
                'li',
                { 'data-field': 'state' },
                el('strong', {}, reason),
                el('span', { class: 'note' }, message === reason ? '' : message),
              ),
            ),
          ),
        ]),
  ];
}

/** The waits after failed pulls, one after the other; each tells of itself. */
export function renderBackoff(steps: readonly BackoffStep[]): readonly Node[] {
  const detail = el('p', { class: 'note backoff-detail', 'data-field': 'backoff-detail' });
  const tell = ({ failure, delayMs, elapsedMs }: BackoffStep): string =>
    `Failure ${failure}, at the earliest ${elapsedMs === 0 ? 'at once' : `${formatTime(elapsedMs)} after the first`}: kubelet waits ${formatTime(delayMs)}.`;
  const bars = steps.map((step) => {
    const bar = el(
      'button',
      { type: 'button', class: 'wait', 'data-field': 'wait' },
      formatShort(step.delayMs),
      el('span', { class: 'visually-hidden' }, `. ${tell(step)}`),
    );
    const item = el('li', {}, bar);
    item.style.flexGrow = String(step.delayMs / 1000);
    const show = (): void => {
      for (const other of bars) other.firstElementChild?.classList.toggle('shown', other === item);
      detail.textContent = tell(step);
    };
    for (const event of ['pointerenter', 'focus', 'click']) bar.addEventListener(event, show);
    return item;
  });
  bars[0]?.firstElementChild?.dispatchEvent(new Event('click'));
  return [
    el(
      'p',
      { class: 'note' },
      'After a failed pull kubelet waits, twice as long each time, and at most 5 minutes. The container then shows ImagePullBackOff.',
    ),
    el('ol', { class: 'timeline', 'aria-label': 'Waits after failed pulls' }, bars),
    detail,
  ];
}

/** Each key by kubelet and by the documentation. */
export function renderDialects(rows: readonly DialectRow[]): Node {
  if (rows.length === 0) return el('p', { class: 'note' }, 'There is no key to compare with the documentation.');
  return el(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Kubelet and the documentation' },
    el(
      'table',
      {},
      el('caption', {}, 'Each key, as kubelet reads it and as the documentation of Kubernetes says'),
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          ['Key', 'kubelet', 'documented'].map((name) => el('th', { scope: 'col' }, name)),
        ),
      ),
      el(
        'tbody',
        {},
        rows.map(({ key, kubelet, documented, differs }) =>
          el(
            'tr',
            { class: differs ? 'differs' : undefined, 'data-field': 'dialect' },
            el('th', { scope: 'row' }, el('code', {}, key)),
            el('td', {}, kubelet),
            el('td', {}, documented, differs && el('span', { class: 'chip warning' }, 'differs')),
          ),
        ),
      ),
    ),
  );
}

/** The last two are told only where the releases differ in them. */
const ROWS = [
  ['Decision', 'decision'],
  ['Waits with', 'waits'],
  ['Record of the pull', 'present'],
  ['Events', 'events'],
] as const;
const ALWAYS: readonly string[] = ['decision', 'waits'];

/** What the releases make of the same. */
export function renderReleases(columns: readonly ReleaseColumn[]): Node {
  const isSame = ROWS.every(([, field]) => new Set(columns.map((column) => column[field])).size === 1);
  return el(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Releases of Kubernetes' },
    el(
      'table',
      { class: 'releases' },
      el(
        'caption',
        {},
        isSame ? 'The last three releases of Kubernetes do the same' : 'The last three releases of Kubernetes',
      ),
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          el('td', {}),
          columns.map(({ release }) => el('th', { scope: 'col' }, release)),
        ),
      ),
      el(
        'tbody',
        {},
        ROWS.map(([title, field]) => {
          const differs = new Set(columns.map((column) => column[field])).size > 1;
          if (!differs && !ALWAYS.includes(field)) return undefined;
          return el(
            'tr',
            { class: differs ? 'differs' : undefined, 'data-field': `release-${field}` },
            el('th', { scope: 'row' }, title, differs && el('span', { class: 'chip warning' }, 'differs')),
            columns.map((column) => el('td', {}, column[field])),
          );
        }),
      ),
    ),
  );
}
