/** Keeps a fault of one page from taking down the frame: the error stands where the page would have been. */
import { DiagnosticView, diagnosticFromError } from '@tenfold/ui';
import { Component, type ReactNode } from 'react';

interface Props {
  readonly subject: string;
  readonly children: ReactNode;
}

export class PageBoundary extends Component<Props, { readonly error: unknown }> {
  override readonly state: { readonly error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return <DiagnosticView diagnostic={diagnosticFromError(this.state.error, this.props.subject)} />;
  }
}
