import { plantNames } from './chaos/plants.js';
import { testPlants } from './support/plant-tests.js';

// Two files, so that they run side by side.
testPlants(plantNames.filter((_, index) => index % 2 === 0));
