import { backendConformance } from './conformance.ts';

backendConformance('cpu');
