import { plantNames } from './chaos/plants.js';
import { testPlants } from './support/plant-tests.js';

testPlants(plantNames.filter((_, index) => index % 2 === 1));
