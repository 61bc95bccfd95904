// What somebody can use by keyboard or finger; each as words that stay the same when it is drawn anew.
const inSight = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
const called = (one) => {
  const radio = one.type === 'radio' ? `${one.name} radio` : '';
  const label = one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent || one.name;
  return radio || (one.id ? `#${one.id}` : `${one.tagName.toLowerCase()} ${label.trim().slice(0, 40)}`);
};
const CONTROLS = 'a[href], button, input, select, textarea, summary, [tabindex]';
const root = document.querySelector('dialog[open]') ?? document;
const controls = [...root.querySelectorAll(CONTROLS)].filter((one) => inSight(one) && !one.disabled);
const tools = {
  // Stops of the tabulator key: of radio buttons with one name there is one.
  stops: () => [...new Set(controls.filter((one) => one.tabIndex >= 0).map(called))],
  // Positive numbers would jump about the page.
  jumps: () => controls.filter((one) => one.tabIndex > 0).map(called),
  here: () => {
    const one = document.activeElement;
    if (one === document.body) return null;
    const shown = one.matches('.phase-choice input') ? one.nextElementSibling : one;
    const style = getComputedStyle(shown);
    const box = shown.getBoundingClientRect();
    const outline = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    const top = document.elementFromPoint(Math.min(Math.max(box.x + box.width / 2, 1), innerWidth - 1),
      Math.min(Math.max(box.y + box.height / 2, 1), innerHeight - 1));
    return { name: called(one), outline, seen: Boolean(top) && (top.contains(shown) || shown.contains(top)) };
  },
  // WCAG 2.2, 2.5.8: 24 by 24 CSS pixels; the label of an input is part of its target.
  small: () => controls.filter((one) => one.matches('a[href], button, input, select, textarea, summary')).map((one) => {
    const box = (one.matches('input') && one.closest('label') ? one.closest('label') : one).getBoundingClientRect();
    return box.width < 24 || box.height < 24 ? `${called(one)} ${box.width.toFixed(0)} x ${box.height.toFixed(0)}` : '';
  }).filter((words) => words && !/^a Skip/.test(words)),
  // Beside the screen, and in nothing that is scrolled sideways.
  outside: () => controls.filter((one) => !one.closest('.tabs, .table-box, .skip')).filter((one) => {
    const box = one.getBoundingClientRect();
    return box.left < -1 || box.right > innerWidth + 1;
  }).map(called),
  moving: () => document.getAnimations().map((one) => one.animationName ?? one.transitionProperty),
};
return tools[arguments[0]]();
