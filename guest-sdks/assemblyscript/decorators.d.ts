// The decorators, for editors. asc itself needs no declaration of them.

/** Marks the class that is the microservice. */
declare function microservice(target: Function): void;
/** Marks the class that is the microservice, and sets its default name and chain of deployment managers. */
declare function microservice(options: { name?: string; dms?: string[] }): (target: Function) => void;

/** Promises that a method leaves the state as it was, so that replicas and caches may answer it. */
declare function readonly(target: any, name: string, descriptor: any): any;
