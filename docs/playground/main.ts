// The page: what is typed is masked, the answer follows, and nothing is sent anywhere.
import { isImageError } from 'kubepull/errors';
import { byId, el } from './dom.ts';
import { EXAMPLES } from './examples.ts';
import { type Inputs, NO_INPUTS, NODE_IMAGES, type NodeImage, RELEASES } from './inputs.ts';
import { decodeLink, encodeLink, exampleOf } from './link.ts';
import { createMasker, type Masker } from './mask.ts';
import { buildView, type ImageView, type View } from './model.ts';
import { renderFindings, renderImage, renderMessage } from './render.ts';
import { verdictOf } from './words.ts';

type TextField = 'objects' | 'nodeConfig' | 'message';

interface Field {
  readonly area: HTMLTextAreaElement;
  readonly masker: Masker;
}

const field = (id: string): Field => ({ area: byId(id, HTMLTextAreaElement), masker: createMasker() });
const fields: Readonly<Record<TextField, Field>> = {
  objects: field('objects'),
  nodeConfig: field('node-config'),
  message: field('message'),
};
const examples = byId('example', HTMLSelectElement);
const node = byId('node', HTMLSelectElement);
const release = byId('release', HTMLSelectElement);
const picker = byId('picker', HTMLFieldSetElement);
const answer = byId('answer-body', HTMLElement);
const status = byId('status', HTMLElement);
const link = byId('link', HTMLInputElement);

/** How long the page waits for the next key before it answers. */
const PAUSE_MS = 120;

let view: View | undefined;
let chosen = 0;
let turn = 0;

function readFields(read: (masker: Masker, text: string) => string): Inputs {
  const text = (name: TextField): string => read(fields[name].masker, fields[name].area.value);
  return {
    objects: text('objects'),
    nodeConfig: text('nodeConfig'),
    message: text('message'),
    node: node.value as NodeImage,
    release: RELEASES.find((one) => one === release.value) ?? NO_INPUTS.release,
  };
}

function fill(inputs: Inputs): void {
  for (const [name, { area, masker }] of Object.entries(fields)) {
    masker.forget();
    area.value = masker.mask(inputs[name as TextField]).text;
  }
  node.value = inputs.node;
  release.value = inputs.release;
  byId('more', HTMLDetailsElement).open =
    inputs.nodeConfig !== '' || inputs.node !== NO_INPUTS.node || inputs.release !== NO_INPUTS.release;
  link.hidden = true;
  chosen = 0;
}

function maskField({ area, masker }: Field): void {
  const { text, caret } = masker.mask(area.value, area.selectionEnd);
  if (text === area.value) return;
  area.value = text;
  area.setSelectionRange(caret, caret);
}

async function update(): Promise<void> {
  const own = (turn += 1);
  let next: View | undefined;
  let refusal = '';
  try {
    next = await buildView(readFields(({ reveal }, text) => reveal(text)));
  } catch (error) {
    if (!isImageError(error)) throw error;
    refusal = error.message;
  }
  // A later key has its own answer.
  if (own !== turn) return;
  view = next;
  if (view === undefined) answer.replaceChildren(el('p', { class: 'caution' }, refusal));
  else show(view);
  document.documentElement.dataset['answered'] = String(own);
}

function show({ problems, images, findings, told, backoff }: View): void {
  for (const name of ['objects', 'nodeConfig'] as const) {
    const problem = problems.find((one) => one.field === name);
    const { area } = fields[name];
    const place = byId(`${area.id}-problem`, HTMLElement);
    place.textContent = problem?.message ?? '';
    area.setAttribute('aria-invalid', String(problem !== undefined));
  }
  chosen = Math.min(chosen, Math.max(0, images.length - 1));
  showPicker(images);
  const image = images[chosen];
  const parts: Node[] = [];
  if (told !== undefined) parts.push(...renderMessage(told));
  if (image !== undefined) parts.push(...renderImage(image, { problems, images, findings, told, backoff }));
  else if (findings.length > 0)
    parts.push(el('section', { class: 'card', 'aria-label': 'Findings' }, renderFindings(findings)));
  else if (told === undefined)
    parts.push(el('p', { class: 'empty' }, 'Paste a pod, a secret or a message, or pick an example.'));
  answer.replaceChildren(...parts);
  say(
    image === undefined ? (told?.title ?? '') : `${image.container}: ${verdictOf(image, findings).title}`,
    findings.length,
  );
}

function say(title: string, findings: number): void {
  const counted = findings === 0 ? '' : `, ${findings} ${findings === 1 ? 'finding' : 'findings'}`;
  status.textContent = title === '' ? '' : `${title}${counted}`;
}

function showPicker(images: readonly ImageView[]): void {
  picker.hidden = images.length < 2;
  const shown = picker.hidden ? [] : images;
  const names = JSON.stringify(shown.map(({ object, path, container }) => [object, path, container]));
  // As long as the choice is the same, what has the focus stays.
  if (picker.dataset['shown'] === names) return;
  picker.dataset['shown'] = names;
  const isOne = new Set(shown.map(({ object }) => object)).size < 2;
  picker.replaceChildren(
    el('legend', {}, 'Image'),
    ...shown.map(({ container, kind, object }, at) => {
      const radio = el('input', { type: 'radio', name: 'image', value: at, checked: at === chosen });
      radio.addEventListener('change', () => {
        chosen = at;
        if (view !== undefined) show(view);
      });
      const of = isOne ? kind : `${kind}, ${object}`;
      return el('label', { class: 'choice' }, radio, el('span', {}, container), el('small', {}, of));
    }),
  );
}

async function applyFragment(): Promise<void> {
  const id = exampleOf(location.hash);
  const found = EXAMPLES.find((one) => one.id === id);
  const linked = found?.inputs ?? (await decodeLink(location.hash));
  if (linked === undefined) return;
  examples.value = found?.id ?? '';
  fill(linked);
  await update();
}

async function shareLink(): Promise<void> {
  const plain = EXAMPLES.find((one) => one.id === examples.value);
  const fragment =
    plain === undefined ? await encodeLink(readFields(({ strip }, text) => strip(text))) : `#example=${plain.id}`;
  history.replaceState(null, '', fragment);
  link.value = location.href;
  link.hidden = false;
  link.select();
  const isCopied = await navigator.clipboard.writeText(link.value).then(
    () => true,
    () => false,
  );
  status.textContent = isCopied
    ? 'The link is copied. It holds no credential.'
    : 'The link stands in the field. It holds no credential.';
}

const THEMES = ['os', 'light', 'dark'] as const;
const THEME_WORDS = { os: 'auto', light: 'light', dark: 'dark' };
/** The key that the pages of the site use as well. */
const THEME_KEY = 'tsd-theme';

function setUpTheme(): void {
  const button = byId('theme', HTMLButtonElement);
  const stored = (): string | null => {
    try {
      return localStorage.getItem(THEME_KEY);
    } catch {
      return null;
    }
  };
  let theme = THEMES.find((one) => one === stored()) ?? 'os';
  const apply = (): void => {
    document.documentElement.dataset['theme'] = theme;
    button.textContent = `Theme: ${THEME_WORDS[theme]}`;
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'os';
    apply();
    try {
      localStorage.setItem(THEME_KEY, theme);
    } catch {
      // It counts for this visit.
    }
  });
  apply();
}

function start(): void {
  setUpTheme();
  const groups = [...new Set(EXAMPLES.map(({ group }) => group))];
  examples.append(
    el('option', { value: '' }, 'Your own'),
    ...groups.map((group) =>
      el(
        'optgroup',
        { label: group },
        EXAMPLES.filter((one) => one.group === group).map(({ id, title }) => el('option', { value: id }, title)),
      ),
    ),
  );
  node.append(...Object.entries(NODE_IMAGES).map(([value, words]) => el('option', { value }, words)));
  release.append(...RELEASES.map((one) => el('option', { value: one }, one)));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const later = (): void => {
    examples.value = '';
    link.hidden = true;
    clearTimeout(timer);
    timer = setTimeout(() => void update(), PAUSE_MS);
  };
  for (const one of Object.values(fields)) {
    one.area.addEventListener('input', (event) => {
      if (!event.isComposing) maskField(one);
      later();
    });
    one.area.addEventListener('compositionend', () => maskField(one));
  }
  for (const select of [node, release]) select.addEventListener('change', later);
  examples.addEventListener('change', () => {
    fill(EXAMPLES.find(({ id }) => id === examples.value)?.inputs ?? NO_INPUTS);
    void update();
  });
  byId('share', HTMLButtonElement).addEventListener('click', () => void shareLink());
  byId('clear', HTMLButtonElement).addEventListener('click', () => {
    examples.value = '';
    fill(NO_INPUTS);
    history.replaceState(null, '', location.pathname + location.search);
    void update();
    fields.objects.area.focus();
  });
  addEventListener('hashchange', () => void applyFragment());
  examples.value = EXAMPLES[0]?.id ?? '';
  fill(EXAMPLES[0]?.inputs ?? NO_INPUTS);
  if (location.hash === '') void update();
  else void applyFragment().then(async () => (view === undefined ? update() : undefined));
}

start();
