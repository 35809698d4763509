import { testPlants } from './plant-tests.js';
import { plantNames } from './plants.js';

// Two files, so that they run side by side.
testPlants(plantNames.filter((_, index) => index % 2 === 0));
