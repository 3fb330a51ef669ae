/**
 * The vocabulary of the Toybox world: everyday nouns, the words people use for
 * them, and the habitual companion of each.
 *
 * A companion is the thing one expects to see next to a noun (a cat and a ball
 * of yarn). A *strong* habit is one that the biased instruction data repeats
 * even where the companion is absent, so the instruction-tuned model learns to
 * hallucinate it; see `HABIT_RATES` in `captions.ts`.
 */

/** Name of a sprite set. The first two letters of an atlas key. */
export type Style = 'noto' | 'fluent' | 'twemoji';

export type Noun = {
  /** The word as captions write it; also the noun's identity. */
  noun: string;
  plural: string;
  group: string;
  /** What one expects to see beside it, most habitual first. */
  companions: string[];
  /** Whether the biased data mentions the first companion even where it is absent. */
  habit: 'strong' | 'mild';
  /** Other words that mean this noun (singular and plural). */
  synonyms: string[];
  /** Icon name shared by the sprite sets. */
  icon: string;
  styles: Style[];
};

/**
 * One line per noun: `noun | icon | companion | synonyms`. A `!` before the
 * companion marks a strong habit. Plurals follow English rules unless listed in
 * `IRREGULAR_PLURALS`.
 */
const TABLE: Record<string, string> = {
  animals: `cat|cat|!ball of yarn|kitten kittens kitty
    dog|dog|!bone|puppy puppies
    rabbit|rabbit|!carrot|bunny bunnies hare
    monkey|monkey|!banana|ape
    bee|honeybee|!sunflower|honeybee honeybees
    mouse|mouse|!cheese|
    owl|owl|!moon|
    penguin|penguin|snowflake|`,
  fruit: `apple|red-apple|pear|
    banana|banana|monkey|
    strawberry|strawberry|ice cream|
    lemon|lemon|cup|
    pineapple|pineapple|sun|
    pear|pear|apple|
    watermelon|watermelon|sun|melon melons`,
  food: `hot dog|hot-dog|football|hotdog hotdogs
    pizza|pizza|cup|
    hamburger|hamburger|ice cream|burger burgers
    cake|shortcake|!candle|
    carrot|carrot|rabbit|
    cheese|cheese-wedge|mouse|
    doughnut|doughnut|!cup|donut donuts
    ice cream|soft-ice-cream|!spoon|ice-cream`,
  vehicles: `car|automobile|!key|automobile automobiles
    bus|bus|!backpack|
    bicycle|bicycle|wrench|bike bikes
    train|locomotive|!clock|locomotive locomotives
    airplane|airplane|!cloud|plane planes aeroplane aeroplanes
    boat|sailboat|sun|sailboat sailboats ship ships
    rocket|rocket|!star|
    tractor|tractor|tree|`,
  tools: `hammer|hammer|!saw|
    saw|carpentry-saw|tree|
    axe|axe|!tree|ax
    key|key|!door|
    wrench|wrench|!bicycle|spanner spanners
    ladder|ladder|!house|`,
  play: `football|soccer-ball|!trophy|soccerball
    basketball|basketball|!shoe|
    skateboard|skateboard|shoe|
    trophy|trophy|crown|
    kite|kite|cloud|
    ball of yarn|yarn|cat|yarn
    teddy bear|teddy-bear|!bed|teddy teddies
    balloon|balloon|!cake|`,
  household: `chair|chair|television|
    bed|bed|teddy bear|
    clock|alarm-clock|train|
    candle|candle|cake|
    spoon|spoon|cup|
    cup|teacup-without-handle|spoon|mug mugs teacup teacups
    television|television|!chair|tv tvs
    door|door|key|`,
  clothing: `hat|top-hat|coat|
    shirt|t-shirt|shoe|tshirt tshirts
    dress|dress|shoe|
    shoe|running-shoe|shirt|sneaker sneakers
    coat|coat|hat|jacket jackets
    umbrella|umbrella|!cloud|
    backpack|backpack|tent|rucksack rucksacks
    crown|crown|!castle|`,
  buildings: `house|house|tree|home homes
    castle|castle|crown|
    church|church|clock|
    tent|tent|!backpack|
    factory|factory|!cloud|
    fountain|fountain|tree|`,
  weather: `sun|sun|cloud|
    cloud|cloud|umbrella|
    rainbow|rainbow|!sun|
    moon|crescent-moon|!star|
    star|star|moon|
    snowflake|snowflake|!snowman|
    snowman|snowman-without-snow|hat|`,
  garden: `tree|deciduous-tree|apple|
    cactus|cactus|!sun|
    sunflower|sunflower|bee|
    tulip|tulip|bee|
    mushroom|mushroom|tree|
    bone|bone|dog|`,
};

const IRREGULAR_PLURALS: Record<string, string[]> = {
  mouse: ['mice'],
  cheese: ['pieces of cheese', 'cheeses'],
  'ball of yarn': ['balls of yarn'],
  snowman: ['snowmen'],
  cactus: ['cacti', 'cactuses'],
};

/** English plural of a regular noun (`bus` to `buses`, `cherry` to `cherries`). */
function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

/** Every noun has Noto art; the second style alternates so that both other sets are used evenly. */
function stylesOf(index: number): Style[] {
  return ['noto', index % 2 === 0 ? 'fluent' : 'twemoji'];
}

function parseTable(): Noun[] {
  const rows = Object.entries(TABLE).flatMap(([group, lines]) =>
    lines.split('\n').map((line) => [group, ...line.trim().split('|')] as const),
  );
  return rows.map(([group, noun, icon, companion, synonyms], index) => {
    const [plural, ...otherPlurals] = IRREGULAR_PLURALS[noun] ?? [pluralOf(noun)];
    return {
      noun,
      plural,
      group,
      companions: [companion.replace('!', '')],
      habit: companion.startsWith('!') ? 'strong' : 'mild',
      synonyms: [...otherPlurals, ...synonyms.split(' ').filter(Boolean)],
      icon,
      styles: stylesOf(index),
    };
  });
}

/** The vocabulary, in a fixed order that the recipe's noun classifier relies on. */
export const NOUNS: readonly Noun[] = parseTable();

const BY_NAME = new Map(NOUNS.map((noun) => [noun.noun, noun]));

/** The entry of a noun; throws on a word that is not in the vocabulary. */
export function nounNamed(name: string): Noun {
  const found = BY_NAME.get(name);
  if (!found) throw new RangeError(`"${name}" is not a noun of the Toybox world`);
  return found;
}

/** The companion one expects beside a noun. */
export function companionOf(name: string): string {
  return nounNamed(name).companions[0];
}
