import { backendConformance } from './conformance.ts';

backendConformance('reference');
