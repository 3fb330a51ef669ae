/**
 * The 80 classes of COCO that the detector knows, and the words that captions use for each: CHAIR's word list (Rohrbach
 * et al. 2018, arXiv:1809.02156), pruned. The recipe of the photo models has the same list; a test holds both together.
 */

/** One class a line: `class | other words for it`, in the order of the detector's outputs. */
const TABLE = `
  person | girl, boy, man, woman, kid, child, people, adult, rider, baby, worker, passenger, lady, guy, player, skier, snowboarder, skater, skateboarder, surfer, chef, cook, policeman, officer, cowboy, bride, groom, pitcher, batter, catcher, umpire, student, driver, gentleman, couple, crowd, pedestrian, toddler, biker, cyclist, mother, father, son, daughter, family, friend, soldier, teenager, spectator, male, female
  bicycle | bike
  car | automobile, van, minivan, sedan, suv, jeep, taxi, cab
  motorcycle | motorbike, moped, scooter
  airplane | plane, jet, jetliner, aircraft, airliner, biplane
  bus | minibus, trolley
  train | locomotive, tram
  truck | pickup, lorry, firetruck
  boat | ship, sailboat, canoe, kayak, yacht, ferry, motorboat, rowboat, vessel
  traffic light | stoplight, stop light, traffic signal, street light, streetlight
  fire hydrant | hydrant
  stop sign |
  parking meter | meter
  bench | pew
  bird | seagull, duck, goose, pigeon, owl, parrot, swan, gull, crow, pelican, flamingo, rooster, chicken, peacock
  cat | kitten, kitty
  dog | puppy, pup, bulldog, terrier, poodle
  horse | pony, foal
  sheep | lamb, ram, goat
  cow | cattle, bull, calf, ox, buffalo, bison
  elephant |
  bear | panda
  zebra |
  giraffe |
  backpack | knapsack
  umbrella | parasol
  handbag | purse, wallet, briefcase
  tie | necktie, bow tie
  suitcase | luggage, suit case
  frisbee |
  skis | ski
  snowboard |
  sports ball | ball, soccer ball, tennis ball
  kite |
  baseball bat | bat
  baseball glove | mitt, catcher's mitt
  skateboard |
  surfboard | longboard, surf board
  tennis racket | racket, racquet, tennis racquet
  bottle |
  wine glass | wineglass
  cup | mug
  fork |
  knife |
  spoon |
  bowl |
  banana |
  apple |
  sandwich | burger, hamburger, cheeseburger
  orange |
  broccoli |
  carrot |
  hot dog | hotdog
  pizza |
  donut | doughnut, bagel
  cake | cupcake, cheesecake, pancake
  chair | seat, stool, armchair, recliner
  couch | sofa, loveseat
  potted plant | houseplant, house plant
  bed |
  dining table | table, desk
  toilet | urinal, commode
  tv | television, monitor, tv screen
  laptop | computer, notebook, laptop computer
  mouse |
  remote | wiimote, remote control, game controller
  keyboard |
  cell phone | phone, cellphone, smartphone, telephone, mobile phone, cellular phone
  microwave |
  oven | stove, stovetop
  toaster |
  sink |
  refrigerator | fridge, freezer
  book |
  clock | clocktower, clock tower
  vase |
  scissors |
  teddy bear | teddy, teddybear
  hair drier | hairdryer, hair dryer, blow dryer
  toothbrush |
`;

export interface PhotoNoun {
  /** The class, as COCO names it. */
  readonly noun: string;
  readonly synonyms: readonly string[];
}

export const PHOTO_NOUNS: readonly PhotoNoun[] = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [noun, words] = line.split('|').map((part) => part.trim());
    return { noun, synonyms: words ? words.split(', ') : [] };
  });

const IRREGULAR_PLURALS: Readonly<Record<string, string>> = {
  man: 'men',
  woman: 'women',
  child: 'children',
  person: 'people',
  knife: 'knives',
  sheep: 'sheep',
  skis: 'skis',
  scissors: 'scissors',
  broccoli: 'broccoli',
  people: 'people',
  mouse: 'mice',
  goose: 'geese',
  cattle: 'cattle',
  calf: 'calves',
  aircraft: 'aircraft',
};

/** The plural of a noun phrase: that of its last word. */
export function pluralOf(phrase: string): string {
  const at = phrase.lastIndexOf(' ') + 1;
  const last = phrase.slice(at);
  const regular = /(s|sh|ch|x)$/.test(last)
    ? `${last}es`
    : /[^aeiou]y$/.test(last)
      ? `${last.slice(0, -1)}ies`
      : `${last}s`;
  return phrase.slice(0, at) + (IRREGULAR_PLURALS[last] ?? regular);
}
