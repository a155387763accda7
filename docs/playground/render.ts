// An answer as elements of the page.
import type { FailureExplanation } from 'kubepull/failures';
import { el } from './dom.ts';
import type { FindingView, ImageView, NamePart, View } from './model.ts';
import { renderBackoff, renderDescription, renderDialects, renderReleases } from './render-tables.ts';
import {
  DECISIONS,
  LISTED_BY,
  MISMATCHES,
  POLICY_REASONS,
  RULES,
  SKIPPED,
  titleOf,
  type Verdict,
  verdictOf,
  verdictOfMessage,
} from './words.ts';

/** What stands above everything else. */
function renderVerdict(verdict: Verdict): HTMLElement {
  const { tone, title, detail, quote, cure } = verdict;
  return el(
    'div',
    { class: `verdict ${tone}`, 'data-field': 'verdict' },
    el('p', { class: 'verdict-title' }, el('span', { class: 'mark', 'aria-hidden': 'true' }), title),
    detail !== undefined && el('p', { class: 'verdict-detail' }, detail),
    quote !== undefined && el('p', { class: 'verdict-detail' }, 'By the words ', el('code', {}, quote)),
    cure !== undefined && el('p', { class: 'cure' }, el('span', { class: 'cure-label' }, 'Cure'), cure),
  );
}

/** Everything about one image, in the order in which it is decided. Without a pod only what a message tells is known. */
export function renderImage(image: ImageView, view: View): readonly Node[] {
  const { told, isBare } = image;
  const policy = section('The policy', 'policy', renderPolicy(image));
  const ladder = section('The ladder of credentials', 'ladder', renderLadder(image));
  const compared = section('By other rules', 'compare', renderDialects(image.dialects), renderReleases(image.releases));
  const ticket = el(
    'details',
    { class: 'ticket' },
    el('summary', {}, 'As text for a ticket'),
    el('pre', { tabindex: 0, 'data-field': 'text' }, image.text),
  );
  return [
    renderVerdict(verdictOf(image, view.findings)),
    ...(told === undefined ? [] : [renderTold(told)]),
    section('The name', 'name', renderName(image)),
    ...(isBare ? [] : [policy, ladder]),
    ...(isBare && view.findings.length === 0 ? [] : [section('Findings', 'findings', renderFindings(view.findings))]),
    section('What kubectl describe says', 'describe', renderDescription(image)),
    section('Back-off', 'backoff', renderBackoff(view.backoff)),
    ...(isBare ? [] : [compared, ticket]),
  ];
}

function section(title: string, id: string, ...content: readonly (Node | readonly Node[])[]): HTMLElement {
  return el(
    'section',
    { class: 'card', 'aria-labelledby': `h-${id}`, 'data-section': id },
    el('h3', { id: `h-${id}` }, title),
    ...content,
  );
}

/** The cause, and what the node's words name. */
function renderTold({
  cause,
  image,
  registry,
  host,
  status,
  reason,
  runtime,
  suggestion,
}: FailureExplanation): HTMLElement {
  const parts = [
    ['Cause', cause],
    ['Reason', reason],
    ['Image', image],
    ['Meant, it seems', suggestion],
    ['Registry', registry],
    ['Asked', host === registry ? undefined : host],
    ['HTTP status', status === undefined ? undefined : String(status)],
    ['Runtime', runtime],
  ] as const;
  return section(
    'What the node said',
    'told',
    el(
      'dl',
      { class: 'facts' },
      parts.map(
        ([name, value]) =>
          value !== undefined && el('div', {}, el('dt', {}, name), el('dd', { 'data-field': 'told' }, value)),
      ),
    ),
  );
}

/** The answer to a message that is about no image of the input. */
export function renderMessage(told: FailureExplanation): readonly Node[] {
  return [renderVerdict(verdictOfMessage(told)), renderTold(told)];
}

const SEPARATORS: Readonly<Record<NamePart['part'], string>> = { registry: '', repository: '/', tag: ':', digest: '@' };

function renderName({ nameParts, nameError, runtimeImage, image }: ImageView): readonly Node[] {
  if (nameError !== undefined) {
    const { message, suggestion } = nameError;
    return [
      el('p', { 'data-field': 'name-error' }, message),
      ...(suggestion === undefined ? [] : [el('p', {}, 'Write ', el('code', {}, suggestion), '.')]),
    ];
  }
  const parts = nameParts.map(({ part, text, isImplied }, at) =>
    el(
      'li',
      { class: `part ${part}${isImplied ? ' implied' : ''}` },
      el(
        'code',
        {},
        nameParts[at - 1]?.part === part ? '' : el('span', { class: 'separator' }, SEPARATORS[part]),
        el('span', { 'data-field': 'part' }, text),
      ),
      el(
        'span',
        { class: 'part-name' },
        nameParts[at - 1]?.part === part ? '\u00a0' : part,
        isImplied && el('span', { class: 'visually-hidden' }, ', filled in'),
      ),
    ),
  );
  return [
    el('ul', { class: 'name', 'aria-label': `Parts of ${image}` }, parts),
    el(
      'p',
      { class: 'note' },
      'The runtime is asked for ',
      el('code', { 'data-field': 'runtime-image' }, runtimeImage ?? ''),
      nameParts.some(({ isImplied }) => isImplied) ? '. What is dotted is not written, and filled in.' : '.',
    ),
  ];
}

function renderPolicy({ policy, decision, mustPull }: ImageView): readonly Node[] {
  const decided = decision && `${decision.action}, ${decision.reason}`;
  return [
    el(
      'p',
      {},
      el('strong', { 'data-field': 'policy' }, policy.policy),
      el('span', { class: 'chip', 'data-field': 'policy-reason' }, policy.reason),
    ),
    el(
      'p',
      { class: 'note' },
      POLICY_REASONS[policy.reason] ?? '',
      ' ',
      decided === undefined ? '' : (DECISIONS[decided] ?? decided),
    ),
    ...(mustPull === undefined
      ? []
      : [
          el(
            'p',
            { class: 'note' },
            'The record of the pull: ',
            el('span', { class: 'chip', 'data-field': 'record' }, mustPull.reason),
          ),
        ]),
  ];
}

function renderLadder({
  rungs,
  rejected,
  listedBy,
  secrets,
  skipped,
  configError,
  decision,
}: ImageView): readonly Node[] {
  const tried = rungs.map(({ rank, key, source, rule, cutsSegment }) =>
    el(
      'li',
      { class: 'rung', 'data-field': 'rung' },
      el('span', { class: 'rank', 'aria-hidden': 'true' }, String(rank)),
      el(
        'div',
        {},
        el('p', {}, el('code', { class: 'key' }, key), el('span', { class: 'chip good' }, rule)),
        el(
          'p',
          { class: 'note' },
          el('span', { class: 'source' }, source),
          `: ${RULES[rule] ?? rule}${key.includes('/') ? ', and the path of the image begins with its path' : ''}`,
          cutsSegment ? '. It ends inside a part of the path, so other repositories get it as well' : '',
        ),
      ),
    ),
  );
  const anonymous = el(
    'li',
    { class: 'rung anonymous', 'data-field': 'anonymous' },
    el('span', { class: 'rank', 'aria-hidden': 'true' }, '–'),
    el(
      'div',
      {},
      el('p', {}, el('strong', {}, 'No credential')),
      el('p', { class: 'note' }, 'No key is for this image, so it is asked for anonymously.'),
    ),
  );
  const needsNone = configError !== undefined || (rungs.length === 0 && decision === undefined);
  return [
    el('p', { class: 'note', 'data-field': 'secrets' }, sentenceOfSecrets(listedBy, secrets)),
    ...(secrets.message === undefined ? [] : [el('p', { class: 'caution', 'data-field': 'missing' }, secrets.message)]),
    ...skipped.map(({ name, reason }) =>
      el('p', { class: 'caution', 'data-field': 'skipped' }, `${name} gives nothing: ${SKIPPED[reason] ?? reason}.`),
    ),
    ...(configError === undefined
      ? []
      : [
          el(
            'p',
            { class: 'caution', 'data-field': 'config-error' },
            `${configError}. Kubelet then has no credential at all.`,
          ),
        ]),
    ...(needsNone
      ? []
      : [
          el(
            'ol',
            { class: 'ladder', 'aria-label': 'Credentials in the order in which kubelet tries them' },
            tried.length === 0 ? anonymous : tried,
          ),
        ]),
    ...(rejected.length === 0 ? [] : [el('h4', {}, 'Not tried'), renderRejected(rejected)]),
  ];
}

function sentenceOfSecrets(listedBy: ImageView['listedBy'], { found, missing }: ImageView['secrets']): string {
  const names = [...found, ...missing.map((name) => `${name}, which is not there`)];
  return `${LISTED_BY[listedBy]}${names.length === 0 ? '' : `: ${names.join('; ')}`}.`;
}

function renderRejected(rejected: ImageView['rejected']): HTMLElement {
  return el(
    'ul',
    { class: 'rejected' },
    rejected.map(({ key, source, reason }) =>
      el(
        'li',
        { 'data-field': 'rejected' },
        el('p', {}, el('code', { class: 'key' }, key), el('span', { class: 'chip bad' }, reason)),
        el('p', { class: 'note' }, el('span', { class: 'source' }, source), `: ${MISMATCHES[reason] ?? reason}`),
      ),
    ),
  );
}

/** Every finding with its cure. */
export function renderFindings(findings: readonly FindingView[]): HTMLElement {
  if (findings.length === 0) return el('p', { class: 'note' }, 'The linter finds nothing.');
  return el(
    'ul',
    { class: 'findings' },
    findings.map(({ code, severity, object, place, message, cure, suggestion }) =>
      el(
        'li',
        { class: `finding ${severity}`, 'data-field': 'finding', 'data-code': code },
        el('p', { class: 'finding-title' }, el('span', { class: `chip ${severity}` }, severity), titleOf(code)),
        el('p', {}, message),
        el(
          'p',
          { class: 'note' },
          el('span', { class: 'place' }, `${object} ${place}`),
          el('code', { class: 'code' }, code),
        ),
        el(
          'p',
          { class: 'cure' },
          el('span', { class: 'cure-label' }, 'Cure'),
          cure,
          suggestion !== undefined && [': ', el('code', {}, suggestion)],
        ),
      ),
    ),
  );
}
