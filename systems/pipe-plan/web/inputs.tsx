/** Controls that planning and comparing share; all of them stand in the address. */
import { SelectField, Slider, useAddressNumber, useAddressState } from '@tenfold/ui';
import type { ReactNode } from 'react';

export interface PlanInputs {
  readonly params: Readonly<Record<string, string | number>>;
  readonly controls: ReactNode;
}

const MODELS = [
  { value: 'sd21', label: 'Stable Diffusion 2.1' },
  { value: 'sd15', label: 'Stable Diffusion 1.5' },
  { value: 'controlnet', label: 'ControlNet 1.5' },
  { value: 'dit-xl', label: 'DiT-XL/2' },
];

export const CLUSTERS = [
  { value: 'workstation', label: '2 devices a machine, 100 Gbit/s' },
  { value: 'workstation-10g', label: '2 devices a machine, 10 Gbit/s' },
  { value: 'a100-efa', label: '8 × A100 a node, 400 Gbit/s' },
  { value: 'a100-slow', label: '8 × A100 a node, 25 Gbit/s' },
];

export function usePlanInputs(): PlanInputs {
  const [model, setModel] = useAddressState<string>('model', 'sd21');
  const [cluster, setCluster] = useAddressState<string>('cluster', 'workstation');
  const [devices, setDevices] = useAddressNumber('devices', 8);
  const [batch, setBatch] = useAddressNumber('batch', 64);
  return {
    params: { model, cluster, devices, batch },
    controls: (
      <>
        <SelectField label="Model" value={model} onChange={setModel} options={MODELS} />
        <SelectField label="Cluster" value={cluster} onChange={setCluster} options={CLUSTERS} />
        <Slider label="Devices" min={2} max={64} step={2} value={devices} onChange={setDevices} />
        <Slider label="Batch" min={16} max={512} step={16} value={batch} onChange={setBatch} />
      </>
    ),
  };
}
