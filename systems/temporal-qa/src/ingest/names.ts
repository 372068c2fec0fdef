/** Names in running text without a dictionary: runs of capitalised words with small connecting words inside. */

const NAME =
  /\p{Lu}[\p{L}\p{M}.'’-]*(?:(?:\s+(?:of|the|de|del|della|da|di|du|van|von|der|den|la|le|el|al|bin|ibn|y|e|for|and the)){0,2}\s+(?:\p{Lu}[\p{L}\p{M}.'’-]*|[IVX]{1,4}\b|\d{1,4}\b(?!\s*[–-]))){0,7}/gu;
const LEADING =
  /^(?:The|A|An|In|On|At|From|After|Before|During|Since|Until|As|When|While|He|She|It|They|His|Her|Its|Their|This|That|These|By|For|With|Who|What|Which|But|And|Also|Following|Both|Between)\s+/u;
const SKIPPED =
  /^(?:The|A|An|In|On|At|From|After|Before|During|Since|Until|As|When|While|He|She|It|They|His|Her|Its|Their|This|That|These|By|For|With|Who|What|Which|Where|How|But|And|Also|Following|Both|Between|I|January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|There|Later|Although|Two|Three|One|To|Of)$/u;

/** Names of a text, as written, leading articles and months cut. */
export function namesIn(text: string): string[] {
  const names: string[] = [];
  for (const [match] of text.matchAll(NAME)) {
    let name = match.replace(/['’]s$/u, '').replace(/[.,'’-]+$/u, '');
    while (LEADING.test(name)) name = name.replace(LEADING, '');
    name = name
      .replace(
        /\s+(?:January|February|March|April|May|June|July|August|September|October|November|December)(?:\s+\d{1,4})?$/u,
        '',
      )
      .replace(/\s+\d{4}$/u, '');
    if (name.length > 1 && !SKIPPED.test(name) && !names.includes(name)) names.push(name);
  }
  return names;
}
