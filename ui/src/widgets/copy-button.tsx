/** Copies text and says so for two seconds. */
import { useEffect, useState } from 'react';
import { Button, type ButtonProps } from './button.tsx';
import { showToast } from './toast.tsx';

const SAID_MS = 2000;

export function CopyButton({
  text,
  children = 'Copy',
  ...rest
}: Omit<ButtonProps, 'icon' | 'onClick'> & { readonly text: string | (() => string) }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SAID_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    const value = typeof text === 'string' ? text : text();
    if (await copyText(value)) setCopied(true);
    else
      showToast({ tone: 'bad', text: 'The browser does not let this page copy. Select the text and copy it by hand.' });
  };
  return (
    <Button {...rest} icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>
      {copied ? 'Copied' : children}
    </Button>
  );
}

/** @returns false where the browser refuses */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // pages without a secure context have no clipboard API
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  return copied;
}
