/** Buttons and links that look like buttons. One `primary` per view: the thing to do next. */
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';
import { joinClasses } from './join-classes.ts';

interface Look {
  readonly variant?: 'primary' | 'secondary' | 'quiet' | 'danger';
  readonly size?: 's' | 'm';
  readonly icon?: IconName;
  readonly children?: ReactNode;
}

export type ButtonProps = Look & ButtonHTMLAttributes<HTMLButtonElement> & { readonly busy?: boolean };

/** Without children give `aria-label`: the button then shows its icon alone. */
export function Button({ variant = 'secondary', size = 'm', icon, busy, children, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-busy={busy || undefined}
      disabled={rest.disabled || busy}
      className={joinClasses('tf-button', `is-${variant}`, `is-${size}`, !children && 'is-icon', className)}
    >
      {busy ? <span className="tf-spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export type LinkButtonProps = Look & AnchorHTMLAttributes<HTMLAnchorElement>;

export function LinkButton({ variant = 'secondary', size = 'm', icon, children, className, ...rest }: LinkButtonProps) {
  return (
    <a {...rest} className={joinClasses('tf-button', `is-${variant}`, `is-${size}`, !children && 'is-icon', className)}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}
