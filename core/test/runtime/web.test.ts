import { backendConformance } from './conformance.ts';

backendConformance('web');
