/** The width of an element in CSS pixels, kept up to date; 0 before it is known. */
import { useEffect, useState, type RefObject } from 'react';

export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const place = element.current;
    if (!place) return;
    const observer = new ResizeObserver(([entry]) => {
      const next = Math.floor(entry!.contentRect.width);
      if (next > 0) setWidth(next);
    });
    observer.observe(place);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
