// Every visible word is a message; every message is used, and said in every language with the same parts.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { FluentParser, Resource, serializeExpression, Visitor, type Entry, type Message, type Placeable } from '@fluent/syntax';
import { parse, type AST } from 'svelte/compiler';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SOURCES = path.resolve(__dirname, '../src');
const WORDS = path.join(SOURCES, 'i18n');
const LANGUAGES = readdirSync(WORDS, { withFileTypes: true }).filter((each) => each.isDirectory()).map((each) => each.name);
/** Messages whose English words come from the appliance: they exist in the other languages only. */
const FOREIGN = 'appliance.ftl';

function files(folder: string, endings: string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && endings.some((ending) => each.name.endsWith(ending)))
    .map((each) => path.join(each.parentPath, each.name))
    .sort();
}

/** A message's shape: its attributes, variables and tags. */
interface Shape { attributes: string[]; variables: string[]; tags: string[] }

function shapeOf(message: Message): Shape {
  const variables = new Set<string>();
  const tags = new Set<string>();
  class Look extends Visitor {
    override visitPlaceable(node: Placeable) {
      for (const [, name] of serializeExpression(node.expression as never).matchAll(/\$([a-z]+)/g)) variables.add(name ?? '');
      this.genericVisit(node);
    }
    override visitTextElement(node: { value: string }) {
      for (const [, name] of node.value.matchAll(/<([a-z]+)>/g)) tags.add(name ?? '');
    }
  }
  new Look().visit(message);
  return { attributes: message.attributes.map((each) => each.id.name).sort(), variables: [...variables].sort(), tags: [...tags].sort() };
}

function read(language: string): { messages: Map<string, Shape>; foreign: Map<string, Shape>; wrong: string[] } {
  const [messages, foreign, wrong] = [new Map<string, Shape>(), new Map<string, Shape>(), [] as string[]];
  for (const file of files(path.join(WORDS, language), ['.ftl'])) {
    const resource: Resource = new FluentParser().parse(readFileSync(file, 'utf8'));
    for (const entry of resource.body as Entry[]) {
      if (entry.type === 'Junk') wrong.push(`${path.basename(file)}: ${(entry as { content?: string }).content?.slice(0, 80)}`);
      if (entry.type !== 'Message') continue;
      const into = path.basename(file) === FOREIGN ? foreign : messages;
      const { name } = (entry as Message).id;
      if (into.has(name)) wrong.push(`${name} is there twice`);
      into.set(name, shapeOf(entry as Message));
    }
  }
  return { messages, foreign, wrong };
}

const LETTERS = /\p{L}{2,}/u;
/** Words that are the same in every language, or no words. */
const SAME = /^(?:Ctrl K|[·,:.\s]*|https?:\/\/\S*)$/;
const VISIBLE = new Set(['title', 'aria-label', 'placeholder', 'alt', 'label', 'aria-roledescription', 'text']);

interface Found { keys: Set<string>; patterns: RegExp[]; bare: string[] }

function scanScript(text: string, name: string, found: Found): void {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const walk = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) {
      // Any string may be the name of a message that is said elsewhere.
      found.keys.add(node.text);
      const inImport = ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent) || ts.isLiteralTypeNode(node.parent);
      const inError = ts.isNewExpression(node.parent) && /Error$/.test(node.parent.expression.getText());
      if (!inImport && !inError && /\p{L}+[ ’]\p{L}+ ?\p{L}*/u.test(node.text) && /\p{Lu}|[.…?!]/u.test(node.text)) found.bare.push(`${name}: ${node.text}`);
    } else if (ts.isTemplateExpression(node)) {
      const parts = [node.head.text, ...node.templateSpans.map((span) => span.literal.text)];
      if (/^[a-z][a-z-]*-$/.test(parts[0] ?? '')) found.patterns.push(new RegExp(`^${parts.map((part) => part.replace(/[^\w-]/g, '\\$&')).join('.+')}$`));
      if (parts.some((part) => /\p{L}{2,} \p{L}{2,}/u.test(part))) found.bare.push(`${name}: ${parts.join('…')}`);
    }
    ts.forEachChild(node, walk);
  };
  walk(source);
}

function scanComponent(text: string, name: string, found: Found): void {
  const root = parse(text, { modern: true }) as AST.Root;
  for (const script of [root.instance, root.module]) {
    if (script) scanScript(text.slice((script.content as unknown as { start: number }).start, (script.content as unknown as { end: number }).end), name, found);
  }
  const inCode: string[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (typeof node !== 'object' || node === null) return;
    const { type } = node as { type?: string };
    if (type === 'Text') {
      const { data } = node as { data: string };
      if (LETTERS.test(data) && !SAME.test(data.trim()) && !inCode.includes('code')) found.bare.push(`${name}: ${data.trim()}`);
      return;
    }
    if (type === 'Attribute') {
      const attribute = node as AST.Attribute;
      const values = Array.isArray(attribute.value) ? attribute.value : [attribute.value];
      for (const value of values) {
        if (value === true || value === undefined) continue;
        if (value.type === 'Text') {
          if (VISIBLE.has(attribute.name) && LETTERS.test(value.data) && !SAME.test(value.data)) found.bare.push(`${name}: ${attribute.name}="${value.data}"`);
        } else walk(value);
      }
      return;
    }
    if (type === 'ExpressionTag' || type === 'Literal' || type === 'TemplateLiteral' || (type ?? '').endsWith('Expression')) {
      const { start, end } = node as { start: number; end: number };
      scanScript(`(${text.slice(start, end).replace(/^\{|\}$/g, '')})`, name, found);
      return;
    }
    if (type === 'StyleDirective') {
      const { value } = node as { value: unknown };
      return walk((Array.isArray(value) ? value : [value]).filter((each) => (each as { type?: string }).type !== 'Text'));
    }
    const { name: element } = node as { name?: string };
    if (type === 'RegularElement' && element) inCode.push(element);
    for (const [key, value] of Object.entries(node)) if (key !== 'parent' && key !== 'loc' && key !== 'metadata') walk(value);
    if (type === 'RegularElement' && element) inCode.pop();
  };
  walk(root.fragment);
}

function scan(): Found {
  const found: Found = { keys: new Set(), patterns: [], bare: [] };
  for (const file of files(SOURCES, ['.svelte', '.ts'])) {
    const name = path.relative(SOURCES, file);
    if (name.startsWith('api/schema')) continue;
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.svelte')) scanComponent(text, name, found);
    else scanScript(text, name, found);
  }
  return found;
}

/** Keys that are asked for by name: `t('…')`. */
function asked(): Set<string> {
  const keys = new Set<string>();
  for (const file of files(SOURCES, ['.svelte', '.ts'])) {
    for (const [, key] of readFileSync(file, 'utf8').matchAll(/\bt\(\s*'([^']+)'/g)) if (key) keys.add(key);
    for (const [, key] of readFileSync(file, 'utf8').matchAll(/\bmade\(\s*'([^']+)'/g)) if (key) keys.add(`problem-${key}`);
  }
  return keys;
}

const english = read('en');
const found = scan();

describe('words', () => {
  it('stand in messages, not in the code', () => expect(found.bare).toEqual([]));
  it('are all there', () => expect([...asked()].filter((key) => !english.messages.has(key))).toEqual([]));
  it('are all used', () => {
    const patterns = [...found.patterns, /^problem-/];
    expect([...english.messages.keys()].filter((key) => !found.keys.has(key) && !patterns.some((pattern) => pattern.test(key)))).toEqual([]);
  });
  it.each(LANGUAGES)('can be read in %s', (language) => expect(read(language).wrong).toEqual([]));
  it.each(LANGUAGES.filter((each) => each !== 'en'))('are complete in %s', (language) => {
    const other = read(language);
    expect([...other.messages.keys()].sort()).toEqual([...english.messages.keys()].sort());
    const differing = [...english.messages].filter(([key, shape]) => JSON.stringify(other.messages.get(key)) !== JSON.stringify(shape)).map(([key]) => key);
    expect(differing).toEqual([]);
  });
  it('of the appliance are translated alike everywhere', () => {
    const [first, ...rest] = LANGUAGES.filter((each) => each !== 'en').map((each) => read(each).foreign);
    for (const other of rest) expect([...other]).toEqual([...(first ?? [])]);
  });
});
