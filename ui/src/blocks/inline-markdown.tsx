/** The inline Markdown of text blocks: `code`, **bold**, [links](https://…). Anything else is text. */
import type { ReactNode } from 'react';

const PIECE = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(((?:https?:\/\/|\/|#)[^)\s]*)\)/g;

export function InlineMarkdown({ text }: { readonly text: string }) {
  const pieces: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(PIECE)) {
    pieces.push(text.slice(end, match.index));
    const [whole, code, bold, label, href] = match;
    const key = match.index;
    if (code !== undefined) pieces.push(<code key={key}>{code}</code>);
    else if (bold !== undefined) pieces.push(<strong key={key}>{bold}</strong>);
    else
      pieces.push(
        <a key={key} href={href} {...externalProps(href!)}>
          {label}
        </a>,
      );
    end = match.index + whole.length;
  }
  pieces.push(text.slice(end));
  return <>{pieces}</>;
}

function externalProps(href: string): { target?: string; rel?: string } {
  return href.startsWith('http') ? { target: '_blank', rel: 'noreferrer' } : {};
}
