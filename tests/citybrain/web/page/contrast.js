// Texts in sight whose contrast is under WCAG 2.2 AA; returned as words with their ratios.
const parts = (text) => {
  const n = text.match(/[\d.]+/g).map(Number);
  const rgb = text.startsWith('color') ? n.slice(0, 3).map((v) => v * 255) : n.slice(0, 3);
  return { rgb, alpha: n[3] ?? 1 };
};
const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const behind = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const { rgb, alpha } = parts(getComputedStyle(one).backgroundColor);
    if (alpha > 0.85) return rgb;
  }
  return [255, 255, 255];
};
const found = [];
for (const element of document.querySelectorAll('body *')) {
  if (element.closest('svg, canvas, :disabled, [hidden], .sr, .skip') || !element.checkVisibility()) continue;
  if (![...element.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim())) continue;
  const style = getComputedStyle(element);
  const [a, b] = [luminance(parts(style.color).rgb), luminance(behind(element))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const px = parseFloat(style.fontSize);
  const least = px >= 24 || (px >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  if (ratio < least) found.push(`${element.tagName}.${element.className} "${element.textContent.trim().slice(0, 30)}" ${ratio.toFixed(2)}`);
}
return found;
