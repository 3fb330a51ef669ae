/**
 * The photographs that the page brings along, and whose they are: samples to play with, and others that are
 * only examined on. No model was trained on any of them. `models/recipe/photo/pictures.py` scaled them.
 */

export interface Photograph {
  /** COCO's number of it: the name of its file. */
  readonly id: string;
  /** What stands in it, for lists. */
  readonly name: string;
  readonly url: string;
  /** Licence and origin: the photographer's name stands on its page at Flickr. */
  readonly credit: string;
  readonly source: string;
}

export const PHOTOGRAPH_LICENCE = {
  name: 'CC BY 2.0',
  url: 'https://creativecommons.org/licenses/by/2.0/',
} as const;

/** One photograph a line: COCO's number, Flickr's number, name. */
function photographs(folder: 'samples' | 'held-out', table: string): readonly Photograph[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [id, flickr, ...name] = line.trim().split(' ');
      // One folder each, so that a build finds the files.
      const url =
        folder === 'samples'
          ? new URL(`./samples/${id}.jpg`, import.meta.url)
          : new URL(`./held-out/${id}.jpg`, import.meta.url);
      return {
        id,
        name: name.join(' '),
        url: url.href,
        credit: `${PHOTOGRAPH_LICENCE.name}, Flickr photo ${flickr}`,
        source: `https://www.flickr.com/photo.gne?id=${flickr}`,
      };
    });
}

/** To play with: the first four are what one press adds first. */
export const SAMPLE_PHOTOGRAPHS = photographs(
  'samples',
  `
  000000358083 2102573498 cat in front of a mirror
  000000423617 8195678412 buses and cars in the rain
  000000160012 4409615060 pizza on a table
  000000165518 7243537732 motorcycle in fog
  000000000790 7866247804 four people at a table
  000000255165 3267385733 desk with two monitors
  000000519208 9135914617 man and elephant
  000000126107 100911501 seagull over a beach
  000000129648 5438252538 skateboarder in a pool
  000000377575 3937557668 dog at a hydrant
  000000408805 6297447668 kitchen
  000000475678 3337847570 suitcases
`,
);

/** To examine on: the page adds none of them to anybody's pictures. */
export const HELD_OUT_PHOTOGRAPHS = photographs(
  'held-out',
  `
  000000196393 4219532718 cat and parrot eating
  000000234748 5056705611 man leaning on a post beside a car
  000000516008 6982311426 laptop on a stand
  000000121647 4801592343 flat bread and a glass
  000000397133 6255196340 cook in a kitchen
  000000107438 4579654810 bicycle at a traffic light
  000000174375 7290087816 tennis player on clay
  000000062554 5560942229 bowls of vegetables
  000000229358 3512771461 man in a bathroom mirror
  000000403353 8245255095 bed and a lamp
  000000183709 267588789 people at a crossing
  000000099053 5884430904 bowl of noodles
  000000525891 212255366 stop sign beside a tree
  000000551780 5333676592 clock on a house
`,
);
