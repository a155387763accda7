export { textWithTag } from './image-name.js';
export { imageNameText } from './format.js';
