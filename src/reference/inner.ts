export { imageNameText } from './format.js';
