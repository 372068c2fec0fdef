/** The part of node-llama-cpp (3.22) that the llama engine uses. The package is an optional peer, so its own types are not
 *  at hand when it is not installed. */

type Token = number;

export interface LlamaSequence {
  readonly nextTokenIndex: number;
  readonly disposed: boolean;
  evaluateWithoutGeneratingNewTokens(tokens: readonly Token[]): Promise<void>;
  controlledEvaluate(
    input: readonly (Token | readonly [Token, { readonly generateNext: { readonly logits: true } }])[],
  ): Promise<readonly ({ readonly next: { readonly logits?: ReadonlyMap<Token, number> } } | undefined)[]>;
  saveStateToFile(path: string): Promise<unknown>;
  loadStateFromFile(path: string, acceptRisk: { readonly acceptRisk: true }): Promise<void>;
  dispose(): Promise<void>;
}

export interface LlamaContext {
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
}

export interface LlamaModel {
  readonly trainContextSize: number;
  readonly tokens: { readonly eos: Token | null; readonly eot: Token | null };
  readonly fileInfo: {
    readonly metadata: { readonly tokenizer: { readonly ggml: { readonly tokens: readonly string[] } } };
    readonly tensorInfo?: readonly { readonly dimensions: readonly (number | bigint)[] }[];
    readonly fullTensorInfo?: readonly { readonly dimensions: readonly (number | bigint)[] }[];
  };
  tokenize(text: string): Token[];
  detokenize(tokens: readonly Token[]): string;
  createContext(options: {
    readonly contextSize: number;
    readonly sequences: number;
    readonly batchSize: number;
    readonly threads: number;
  }): Promise<LlamaContext>;
  dispose(): Promise<void>;
}

export interface LlamaBinding {
  getLlama(options: { readonly build: 'never'; readonly gpu: false; readonly logLevel: 'error' }): Promise<{
    loadModel(options: { readonly modelPath: string }): Promise<LlamaModel>;
  }>;
}
