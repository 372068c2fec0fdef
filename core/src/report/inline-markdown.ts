/** The inline Markdown of text blocks: `code`, **bold** and [links](address), nothing else. */

export type InlinePart =
  | { readonly kind: 'text' | 'code' | 'bold'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly address: string };

const PATTERN = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^()\s]+)\)/g;

/** Addresses that may become links: web pages, anchors and relative paths; never `javascript:` and its kin. */
const SAFE_ADDRESS = /^(https?:\/\/|#|\.{0,2}\/|[\w-]+(\.[\w-]+)*(\/|$|#))/;

/** Splits a text into parts; an unsafe link is shown as its text. */
export function inlinePartsFrom(text: string): InlinePart[] {
  const parts: InlinePart[] = [];
  let end = 0;
  for (const match of text.matchAll(PATTERN)) {
    if (match.index > end) parts.push({ kind: 'text', text: text.slice(end, match.index) });
    const [whole, code, bold, label, address] = match;
    if (code !== undefined) parts.push({ kind: 'code', text: code });
    else if (bold !== undefined) parts.push({ kind: 'bold', text: bold });
    else if (isSafeAddress(address!)) parts.push({ kind: 'link', text: label!, address: address! });
    else parts.push({ kind: 'text', text: label! });
    end = match.index + whole.length;
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) });
  return parts;
}

/** Whether a link may lead there: web pages, anchors and relative paths, never `javascript:` and its kin. */
export function isSafeAddress(address: string): boolean {
  return SAFE_ADDRESS.test(address);
}
